import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeServices } from "../dataplane/fake-services.ts";
import { noChanges, type ServiceChanges } from "../dataplane/services.ts";
import { ServiceLayout, type WantedService } from "./layout.ts";

const at = (last: number) => ({ address: `10.96.0.${last}`, port: 80, protocol: 6 });
const backend = (last: number, more: { weight?: number; draining?: boolean } = {}) => ({
  ...{ address: `10.1.0.${last}`, port: 8080, weight: 100, draining: false, isOut: false, ...more },
});
const service = (last: number, backends: WantedService["backends"], affinitySeconds = 0): WantedService => ({
  ...{ ...at(last), affinitySeconds, backends },
});
const many = (count: number) => Array.from({ length: count }, (_, i) => backend(i));

function begin(capacity: ConstructorParameters<typeof FakeServices>[0] = {}) {
  const kernel = new FakeServices(capacity);
  const layout = new ServiceLayout(kernel.capacity, kernel.read());
  const change = (plan: (changes: ServiceChanges) => unknown) => {
    const changes = noChanges();
    plan(changes);
    kernel.write(changes);
    layout.written();
    return changes;
  };
  const set = (wanted: WantedService) => change((changes) => layout.set(wanted, changes));
  return { kernel, layout, change, set };
}
const total = (shares: Record<string, number> | undefined) =>
  Object.values(shares ?? {}).reduce((sum, one) => sum + one, 0);

test("a service's backends have their shares, by weight", () => {
  const { kernel, set } = begin();
  set(service(1, [backend(1), backend(2, { weight: 300 })]));
  const shares = kernel.shares(at(1)) as Record<string, number>;
  expect(Object.keys(shares).sort()).toEqual(["10.1.0.1:8080", "10.1.0.2:8080"]);
  expect(total(shares)).toBe(251);
  expect((shares["10.1.0.2:8080"] as number) / 251).toBeCloseTo(0.75, 2);
});

test("one backend more writes the slots that change hands, and nothing else", () => {
  const { set } = begin({ slots: 1 << 17 });
  set(service(1, many(12)));
  const changes = set(service(1, many(13)));
  expect(changes.services).toEqual([]);
  expect(changes.backends).toHaveLength(1);
  expect(changes.goneBackends).toEqual([]);
  expect(changes.slotAt.length).toBeGreaterThanOrEqual(Math.floor(2039 / 13));
  expect(changes.slotAt.length).toBeLessThan(2 * (2039 / 13));
});

test("the same service again writes nothing", () => {
  const { set } = begin();
  set(service(1, many(5), 60));
  expect(set(service(1, [...many(5)].reverse(), 60))).toEqual(noChanges());
});

test("a draining backend gets nothing new while another is ready, and all when none is", () => {
  const { kernel, set, layout } = begin();
  set(service(1, [backend(1), backend(2)]));
  const before = kernel.backends.size;
  const changes = set(service(1, [backend(1, { draining: true }), backend(2)]));
  expect(Object.keys(kernel.shares(at(1)) ?? {})).toEqual(["10.1.0.2:8080"]);
  expect(changes.goneBackends).toHaveLength(1);
  expect(changes.goneBackendCounts).toEqual([]);
  expect(kernel.backends.size).toBe(before - 1);
  set(service(1, [backend(1, { draining: true }), backend(2, { draining: true })]));
  expect(Object.keys(kernel.shares(at(1)) ?? {}).sort()).toEqual(["10.1.0.1:8080", "10.1.0.2:8080"]);
  expect(layout.size).toBe(1);
});

test("a backend that is ready again goes by the number it drained under; one that is gone is counted no more", () => {
  const { set } = begin();
  const [first] = set(service(1, [backend(1), backend(2)])).backends;
  set(service(1, [backend(1, { draining: true }), backend(2)]));
  const back = set(service(1, [backend(1), backend(2)]));
  expect(back.backends).toEqual([first]);
  set(service(1, [backend(1, { draining: true }), backend(2)]));
  expect(set(service(1, [backend(2)])).goneBackendCounts).toEqual([first?.number]);
});

test("a service without backends is one, with no slots", () => {
  const { kernel, set } = begin();
  set(service(1, many(3)));
  set(service(1, []));
  expect(kernel.entries.get("10.96.0.1 80 6")).toMatchObject({ slotCount: 0 });
  expect(kernel.backends.size).toBe(0);
});

test("what is removed leaves nothing, and its slots are another's", () => {
  const { kernel, layout, change, set } = begin({ slots: 600 });
  set(service(1, many(3)));
  expect(layout.slotsFree).toBe(600 - 509);
  change((changes) => layout.remove(at(1), changes));
  expect([kernel.entries.size, kernel.backends.size, layout.slotsFree, layout.size]).toEqual([0, 0, 600, 0]);
  set(service(2, many(4)));
  expect(total(kernel.shares(at(2)))).toBe(509);
});

test("a part that is left is nobody else's until the change is written", () => {
  const kernel = new FakeServices({ slots: 600 });
  const layout = new ServiceLayout(kernel.capacity, kernel.read());
  layout.set(service(1, many(3)), noChanges());
  layout.written();
  const changes = noChanges();
  layout.remove(at(1), changes);
  expect(layout.slotsFree).toBe(91);
  layout.written();
  expect(layout.slotsFree).toBe(600);
});

test("without room for its table a service has a smaller one, and without any it stays out", () => {
  const { kernel, layout, set } = begin({ slots: 600 });
  set(service(1, many(8)));
  expect(total(kernel.shares(at(1)))).toBe(509);
  const changes = noChanges();
  expect(layout.set(service(2, many(1)), changes)).toBe(false);
  expect(changes).toEqual(noChanges());
});

test("no more services and backends than the tables take", () => {
  const { layout } = begin({ services: 2, backends: 5 });
  expect(layout.set(service(1, many(3)), noChanges())).toBe(true);
  expect(layout.set(service(2, many(3)), noChanges())).toBe(false);
  expect(layout.set(service(2, many(2)), noChanges())).toBe(true);
  expect(layout.set(service(3, []), noChanges())).toBe(false);
});

test("over tables of an earlier life nothing is written that is there already, and numbers stay", () => {
  const { kernel, set } = begin();
  set(service(1, many(7), 30));
  const entry = kernel.entries.get("10.96.0.1 80 6");
  const next = new ServiceLayout(kernel.capacity, kernel.read());
  const changes = noChanges();
  next.set(service(1, many(7), 30), changes);
  expect(changes).toEqual(noChanges());
  next.set(service(2, many(1)), changes);
  expect(changes.services[0]?.number).toBeGreaterThan(entry?.number as number);
});

test("an entry that is to go takes its room until it is written away", () => {
  const { layout, set } = begin({ services: 2, backends: 5 });
  set(service(1, many(3)));
  const changes = noChanges();
  layout.remove(at(1), changes);
  expect(layout.set(service(2, many(3)), noChanges())).toBe(false);
  layout.written();
  expect(layout.set(service(2, many(5)), noChanges())).toBe(true);
});

test("what drained under an earlier life is counted no more, and its number is nobody else's", () => {
  const { kernel, set } = begin();
  set(service(1, [backend(1), backend(2), backend(3, { draining: true })]));
  set(service(1, [backend(1), backend(2, { draining: true })]));
  const next = new ServiceLayout(kernel.capacity, kernel.read());
  expect(next.strays).toEqual({ ...noChanges(), goneBackendCounts: [2] });
  const changes = noChanges();
  next.set(service(2, many(1)), changes);
  expect(changes.backends[0]?.number).toBe(3);
});

test("what an earlier life left half written is told as stray", () => {
  const kernel = new FakeServices();
  kernel.backends.set(9, { number: 9, address: "10.1.0.9", port: 1, service: 77 });
  const layout = new ServiceLayout(kernel.capacity, kernel.read());
  expect(layout.strays.goneBackends).toEqual([9]);
  const changes = noChanges();
  layout.set(service(1, many(1)), changes);
  expect(changes.backends[0]?.number).toBe(10);
});

test("whatever services do, each slot in use is a backend's of that very service", () => {
  const step = fc.record({
    of: fc.integer({ min: 1, max: 4 }),
    remove: fc.boolean(),
    backends: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }),
    draining: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { kernel, layout, change } = begin({ slots: 3000 });
      for (const { of, remove, backends, draining } of steps) {
        const wanted = backends.map((last) => backend(last, { draining: last < draining }));
        change((changes) =>
          remove ? layout.remove(at(of), changes) : layout.set(service(of, wanted), changes),
        );
        for (const entry of kernel.entries.values())
          for (const name of Object.keys(kernel.shares(entry) ?? {})) expect(name).not.toMatch(/stray/);
      }
      const adopted = new ServiceLayout(kernel.capacity, kernel.read());
      expect([adopted.size, adopted.slotsFree]).toEqual([layout.size, layout.slotsFree]);
      const drained = [...kernel.counted].filter((number) => !kernel.backends.has(number));
      expect(adopted.strays).toEqual({ ...noChanges(), goneBackendCounts: drained });
    }),
    { numRuns: 60 },
  );
});
