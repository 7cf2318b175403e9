/** What earlier lives counted and this one can't take up: numbers where there can be any, words where there can't. */
import { fc, test } from "@fast-check/vitest";
import { EndpointClass, EndpointNote } from "@millrace/abi/generated/endpoint";
import { describe, expect } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { FakeKernel } from "../dataplane/fake-kernel.ts";
import { joinParts } from "../spool/frame.ts";
import { FakeDisk, Killed } from "../testing/fake-disk.ts";
import { FakeHost, Life } from "../testing/fake-host.ts";
import { Ledger } from "../testing/ledger.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { CLASS_COUNT, TOTALS } from "./endpoint-baseline.ts";
import { accountFor, reportedIn } from "./left-behind.ts";

const WEB = "10.0.0.1";

function scene() {
  const host = new FakeHost();
  const pod = host.addPod("web", WEB);
  const directory = temporaryDirectory("left");
  const ledger = new Ledger();
  const send = (packets: number) => {
    for (let i = 0; i < packets; i++) {
      const tuple = { local: WEB, remote: "10.0.0.9", sport: 1000 + i, dport: 80 };
      host.kernel.packet(host.key(pod, tuple), (i % 2) as 0 | 1, 100);
    }
  };
  /** A life on maps that the last one's are no use for. */
  const misfit = (options: { dataplane?: FakeDataplane; disk?: FakeDisk } = {}) => {
    const dataplane = options.dataplane ?? new FakeDataplane(host.kernel);
    dataplane.misfit = "maps of other layouts";
    return new Life(host, directory, { ...options, dataplane });
  };
  const life = (options = {}) => new Life(host, directory, options);
  return { host, pod, directory, ledger, send, misfit, life };
}
const lost = (ledger: Ledger) =>
  [ledger.lost("left-behind-packets"), ledger.lost("left-behind-bytes")] as const;

describe("maps that can't be taken up", () => {
  test("are read once more: what they counted after the last report is a loss to the packet", () => {
    const { ledger, send, misfit, life } = scene();
    const first = life();
    first.second();
    send(40);
    first.second();
    send(7);
    const second = misfit();
    second.second();
    second.send(ledger);
    expect(ledger.totals().packets).toBe(40);
    expect(lost(ledger)).toEqual([7, 700]);
    expect(second.telemetry.unknown).toEqual([]);
  });

  test("of which everything is reported lose nothing, and nothing is told", () => {
    const { ledger, send, misfit, life } = scene();
    const first = life();
    first.second();
    send(40);
    first.second();
    const second = misfit();
    second.second();
    second.send(ledger);
    expect(lost(ledger)).toEqual([0, 0]);
    expect(second.telemetry.unknown).toEqual([]);
  });

  test("whose spool is gone are named, without a number", () => {
    const { host, ledger, send, life } = scene();
    const first = life();
    first.second();
    send(40);
    first.second();
    const next = new Life(host, temporaryDirectory("elsewhere"));
    next.second();
    next.send(ledger);
    expect(lost(ledger)).toEqual([0, 0]);
    expect(next.telemetry.unknown).toEqual(["what was reported of it is not known here"]);
  });

  test("of a life that stored nothing are lost as a whole", () => {
    const { ledger, send, misfit, life } = scene();
    const disk = new FakeDisk();
    disk.room = 0;
    const first = life({ disk });
    first.second();
    send(5);
    const second = misfit();
    second.second();
    second.send(ledger);
    expect(lost(ledger)).toEqual([5, 500]);
  });

  const life = fc.record({
    misfit: fc.boolean(),
    killCalls: fc.integer({ min: 1, max: 60 }),
    killDisk: fc.nat(12),
  });
  test.prop([fc.array(life, { maxLength: 4 })], { numRuns: 25 })(
    "life after life, killed anywhere: what is reported and what is lost are what was sent, or it is said why not",
    (lives) => {
      const { host, directory, ledger, send } = scene();
      const unknown: string[] = [];
      let sent = 0;
      const live = (each: { misfit: boolean; killCalls: number; killDisk: number }) => {
        const disk = new FakeDisk();
        disk.killAfter = each.killDisk;
        const dataplane = mortal(host.kernel, each.killCalls, each.misfit);
        const agent = new Life(host, directory, { dataplane, disk });
        unknown.push(...agent.telemetry.unknown);
        for (let second = 0; second < 2; second++) {
          agent.second();
          const before = total(host.kernel);
          send(10);
          sent += total(host.kernel) - before;
          agent.send(ledger);
        }
      };
      for (const each of lives) {
        try {
          live(each);
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
        }
      }
      live({ misfit: true, killCalls: 1e9, killDisk: 1e9 });
      live({ misfit: true, killCalls: 1e9, killDisk: 1e9 });
      const last = new Life(host, directory);
      last.second();
      last.send(ledger);
      const told = ledger.totals().packets + ledger.lost("left-behind-packets");
      expect(told).toBeLessThanOrEqual(sent);
      if (unknown.length === 0) expect(told).toBe(sent);
    },
  );
});

/** Of all that endpoints have counted. */
function total(kernel: FakeKernel): number {
  return kernel.interfaces.reduce(
    (sum, { stats }) => sum + Number(stats.tx_packets ?? 0n) + Number(stats.rx_packets ?? 0n),
    0,
  );
}
function mortal(kernel: FakeKernel, killAfter: number, misfit: boolean): FakeDataplane {
  let calls = 0;
  const plane = new FakeDataplane(kernel);
  if (misfit) plane.misfit = "maps of other layouts";
  return new Proxy(plane, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        if (calls++ >= killAfter) throw new Killed(`before ${String(name)}`);
        return value.apply(target, given);
      };
    },
  });
}

describe("a life that was cut off", () => {
  const OTHER_BOOT = "b0070000-0000-4000-8000-000000000009";
  /** The same host with nothing in its kernel. */
  const reboot = (host: FakeHost) => {
    const kernel = new FakeKernel();
    for (const [path, cookie] of host.kernel.cookies) kernel.cookies.set(path, cookie);
    kernel.interfaces.push(...host.kernel.interfaces);
    return new FakeDataplane(kernel);
  };

  test("by its host's end counted what nobody knows, and that is said with the time of its last batch", () => {
    const { host, directory, send, life } = scene();
    const first = life();
    first.second();
    send(10);
    first.second();
    const next = new Life(host, directory, { dataplane: reboot(host), bootId: OTHER_BOOT });
    expect(next.telemetry.unknown).toEqual([
      expect.stringMatching(
        /^an agent was cut off: the host went down, .* since its batch of 20\d\d-\S+Z is unknown$/,
      ),
    ]);
  });

  test("by nobody, but ended with a last read, leaves nothing to say", () => {
    const { host, directory, life } = scene();
    const first = life();
    first.second();
    first.telemetry.spool.end();
    const next = new Life(host, directory, { dataplane: reboot(host), bootId: OTHER_BOOT });
    expect(next.telemetry.unknown).toEqual([]);
  });

  test("and whose maps are there still is gone on with: nothing is lost", () => {
    const { life } = scene();
    life().second();
    expect(life().telemetry.unknown).toEqual([]);
  });

  test("and whose maps somebody removed is said to be so", () => {
    const { host, directory, life } = scene();
    life().second();
    const next = new Life(host, directory, { dataplane: reboot(host) });
    expect(next.telemetry.unknown).toEqual([expect.stringMatching(/its maps are gone from the kernel/)]);
  });
});

describe("baselines of another version", () => {
  const record = (head: object) => joinParts([[Buffer.from(JSON.stringify(head))], [Buffer.from("?")]]);
  const stored = (head: object, ...changes: object[]) => ({
    snapshot: Buffer.concat(record(head)),
    changes: changes.map((change) => Buffer.concat(record(change))),
  });
  const totals = (classes: number, egress: number, ingress: number, notes: number) => {
    const out = new Array<number>(classes * 6 + notes).fill(1);
    out.splice(0, 3, egress, egress, egress * 100);
    out.splice(classes * 3, 3, ingress, ingress, ingress * 100);
    return out;
  };
  const left = (packets: number) => [
    {
      ...{ generation: "g", why: "layouts", reported: true },
      totals: [{ endpointId: 4, packets, bytes: packets * 100 }],
    },
  ];
  const facts = { generation: "new", bootId: "b", unended: undefined };

  test("tell what was reported, however many classes they know and whatever follows", () => {
    const common = { bootId: "b", generation: "g", classes: 9 };
    const old = { id: 4, totals: totals(9, 1, 2, 3), more: true };
    const now = { id: 4, totals: totals(9, 20, 30, 3) };
    const reported = reportedIn(stored({ ...common, endpoints: [old] }, { ...common, endpoints: [now] }));
    const { losses } = accountFor({ ...facts, left: left(57), reported });
    expect(losses).toMatchObject([
      { what: "left-behind-packets", count: 7 },
      { what: "left-behind-bytes", count: 700 },
    ]);
  });

  test("that can't be understood are as good as none", () => {
    const reported = reportedIn(stored({ bootId: "b", endpoints: "many" }));
    expect(reported).toBeUndefined();
    expect(accountFor({ ...facts, left: left(57), reported })).toMatchObject({
      losses: [],
      unknown: ["layouts"],
    });
  });

  test("will understand ours: totals are all classes both ways, then all notes", () => {
    expect(CLASS_COUNT).toBe(Object.keys(EndpointClass).length);
    expect(TOTALS).toBe(CLASS_COUNT * 6 + Object.keys(EndpointNote).length);
  });
});
