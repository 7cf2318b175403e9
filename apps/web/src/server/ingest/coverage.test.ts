import fc from "fast-check";
import { expect, test } from "vitest";
import { anEndpoint, message } from "../testing/agent-batch.ts";
import { keyOf } from "./address.ts";
import { Coverage, claimsOf, type Life, nextStep, STEP_US } from "./coverage.ts";
import type { Batch } from "./decode.ts";

const T = 1_700_000_000e6;
const S = 1e6;
const A = keyOf("10.0.0.1") as string;
const aLife = fc
  .tuple(fc.nat({ max: 200_000 }), fc.nat({ max: 200_000 }))
  .map(([from, length]): Life => ({ fromUs: T + from * S, untilUs: T + (from + length) * S }));

test("steps lead from any life to the hull with any claim, each part added once and none too long", () => {
  fc.assert(
    fc.property(fc.option(aLife), aLife, (start, claimed) => {
      const claim = { endpointId: 1, address: A, ...claimed };
      let life = start ?? undefined;
      let added = 0;
      for (let step = nextStep(claim, life); step; step = nextStep(claim, life)) {
        expect(step.added.untilUs - step.added.fromUs).toBeLessThanOrEqual(STEP_US);
        added += step.added.untilUs - step.added.fromUs;
        life = step.life;
      }
      const hull = {
        fromUs: Math.min(claim.fromUs, start?.fromUs ?? claim.fromUs),
        untilUs: Math.max(claim.untilUs, start?.untilUs ?? claim.untilUs),
      };
      expect(life).toEqual(hull);
      expect(added).toBe(hull.untilUs - hull.fromUs - (start ? start.untilUs - start.fromUs : 0));
    }),
  );
});

test("what a batch claims is its time, a little before, a while after, and of each address once", () => {
  const addresses = ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "nonsense"];
  const head = message(T, { endpoints: [anEndpoint({ addresses })] }) as unknown as Batch["head"];
  const [claim, ...more] = claimsOf(head, [7], T);
  expect(more).toEqual([]);
  expect(claim).toMatchObject({ endpointId: 7, address: A, fromUs: head.from - 15 * S });
  expect((claim?.untilUs as number) - T).toBeGreaterThanOrEqual(600 * S);
  expect((claim?.untilUs as number) - T).toBeLessThan(660 * S);
});

test("no batch speaks for longer than a day, nor for a time that nobody keeps", () => {
  const long = message(T, { from: 1e15 }) as unknown as Batch["head"];
  expect(claimsOf(long, [7], T)[0]?.fromUs).toBe(T - 86_400 * S - 15 * S);
  expect(claimsOf(long, [7], T + 367 * 86_400 * S)).toEqual([]);
});

test("an address is covered while any endpoint's life of it lasts", () => {
  const coverage = new Coverage();
  coverage.widen({ endpointId: 1, address: A }, { fromUs: T, untilUs: T + S });
  coverage.widen({ endpointId: 2, address: A }, { fromUs: T + 5 * S, untilUs: T + 6 * S });
  coverage.widen({ endpointId: 1, address: A }, { fromUs: T - S, untilUs: T });
  const covered = [-2, -1, 1, 2, 5, 6, 7].map((at) => coverage.covers(A, T + at * S));
  expect(covered).toEqual([false, true, true, false, true, true, false]);
  expect(coverage.covers(keyOf("10.0.0.2") as string, T)).toBe(false);
  expect(coverage.size).toBe(2);
});
