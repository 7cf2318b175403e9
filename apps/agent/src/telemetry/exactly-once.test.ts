import { fc, test } from "@fast-check/vitest";
import { FlowLifecycle, FlowOpener, FlowTcpState } from "@millrace/abi/generated/flow";
import { describe, expect } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { FakeDisk, Killed } from "../testing/fake-disk.ts";
import { FakeHost, Life } from "../testing/fake-host.ts";
import { Ledger } from "../testing/ledger.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const WEB = "10.0.0.1";

/** Traffic of a second: flows that open, close, and stay quiet, so that retiring is always under way. */
function traffic(host: FakeHost, second: number, sent: { packets: number; bytes: number }): void {
  const pod = host.pods[0];
  if (!pod || host.endpointId(pod) === 0) return;
  for (let i = 0; i < 6; i++) {
    const tuple = { local: WEB, remote: "10.0.0.9", sport: 40_000 + ((second * 3 + i) % 40), dport: 80 };
    const key = host.key(pod, tuple);
    const closed = { tcpState: FlowTcpState.CLOSED, opener: FlowOpener.LOCAL, opens: 1 };
    const change =
      i % 2 ? closed : { tcpState: FlowTcpState.ESTABLISHED, opener: FlowOpener.LOCAL, opens: 1 };
    host.kernel.packet(key, (i % 2) as 0 | 1, 100 + i, change);
    sent.packets += 1;
    sent.bytes += 100 + i;
  }
}

/** Everything reported, in whole: what the flows and the endpoint's classes say against what was sent. */
function expectConserved(ledger: Ledger, sent: { packets: number; bytes: number }): void {
  const totals = ledger.totals();
  expect(totals.packets).toBe(sent.packets);
  expect(totals.bytes).toBe(sent.bytes);
  expect(ledger.flowPackets() + totals.apart).toBe(sent.packets);
  expect(totals.devicePackets).toBe(sent.packets);
}

/** A dataplane whose calls are counted, and end the agent when it is time. */
function mortal(host: FakeHost, killAfter: number): FakeDataplane {
  let calls = 0;
  return new Proxy(new FakeDataplane(host.kernel), {
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

/** Runs a life until it is killed or its seconds are over; what is thrown otherwise is the test's failure. */
function live(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
}

describe("exactly once", () => {
  const life = fc.record({
    seconds: fc.integer({ min: 1, max: 6 }),
    killCalls: fc.integer({ min: 1, max: 120 }),
    killDisk: fc.integer({ min: 1, max: 30 }),
    killBytes: fc.nat(3000),
    acknowledge: fc.boolean(),
  });
  test.prop([fc.array(life, { maxLength: 8 })], { numRuns: 40 })(
    "killed between any two calls or in the middle of a write, nothing is lost and nothing doubled",
    (lives) => {
      const directory = temporaryDirectory("lives");
      const host = new FakeHost();
      host.addPod("web", WEB);
      const ledger = new Ledger();
      const sent = { packets: 0, bytes: 0 };
      let second = 0;
      for (const { seconds, killCalls, killDisk, killBytes, acknowledge } of lives)
        live(() => {
          const disk = new FakeDisk();
          disk.killAfter = killDisk;
          disk.killBytes = killBytes;
          const options = { disk, dataplane: mortal(host, killCalls), segmentBytes: 3000 };
          const agent = new Life(host, directory, options);
          for (let i = 0; i < seconds; i++) {
            traffic(host, second++, sent);
            agent.second();
            agent.send(ledger, acknowledge);
          }
        });
      const last = new Life(host, directory);
      for (let i = 0; i < 6; i++) last.second();
      last.send(ledger);
      expectConserved(ledger, sent);
      for (const flow of ledger.flows().values()) expect(flow.finals).toBeLessThanOrEqual(1);
    },
  );

  test("a flow that moves between two looks of one pass is counted once", () => {
    const host = new FakeHost();
    host.addPod("web", WEB);
    const ledger = new Ledger();
    const sent = { packets: 0, bytes: 0 };
    let second = 0;
    const looks = ["changedFlows", "movedFlows", "scanFlows"];
    const dataplane = new Proxy(new FakeDataplane(host.kernel), {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => {
          if (looks.includes(String(name))) traffic(host, second, sent);
          return value.apply(target, given);
        };
      },
    });
    const agent = new Life(host, temporaryDirectory("looks"), { dataplane });
    for (second = 0; second < 25; second++) {
      traffic(host, second, sent);
      agent.second();
    }
    looks.length = 0;
    for (let i = 0; i < 12; i++) agent.second();
    agent.send(ledger);
    expectConserved(ledger, sent);
  });

  test("a flow that was marked but not yet deleted when the agent died is reported once and deleted", () => {
    const directory = temporaryDirectory("marked");
    const host = new FakeHost();
    host.addPod("web", WEB);
    const ledger = new Ledger();
    const first = new Life(host, directory);
    first.second();
    const sent = { packets: 0, bytes: 0 };
    traffic(host, 0, sent);
    first.second();
    for (const { record } of host.kernel.flows.values()) record.lifecycle = FlowLifecycle.RETIRED;
    const second = new Life(host, directory);
    second.second();
    second.second();
    second.send(ledger);
    expectConserved(ledger, sent);
    expect(host.kernel.flows.size).toBe(0);
    for (const flow of ledger.flows().values()) expect([flow.updates, flow.finals]).toEqual([1, 0]);
  });

  test("what a marked flow counted after its last report is told in a final row", () => {
    const host = new FakeHost();
    const pod = host.addPod("web", WEB);
    const ledger = new Ledger();
    const agent = new Life(host, temporaryDirectory("final"));
    agent.second();
    const key = host.key(pod, { local: WEB, remote: "10.0.0.9", sport: 5000, dport: 80 });
    host.kernel.packet(key, 0, 100);
    agent.second();
    host.kernel.packet(key, 0, 100);
    for (const { record } of host.kernel.flows.values()) record.lifecycle = FlowLifecycle.RETIRED;
    agent.second();
    agent.send(ledger);
    expect(host.kernel.flows.size).toBe(0);
    expect([...ledger.flows().values()]).toMatchObject([{ packets: 2, updates: 2, finals: 1 }]);
  });

  test("what the kernel could not tell of is found by a look at the whole table", () => {
    const host = new FakeHost();
    const pod = host.addPod("web", WEB);
    const ledger = new Ledger();
    const agent = new Life(host, temporaryDirectory("missed"));
    agent.second();
    host.kernel.packet(host.key(pod, { local: WEB, remote: "10.0.0.9", sport: 1, dport: 80 }), 0, 100);
    Object.assign(host.kernel, { moved: [], missed: true });
    agent.second();
    host.kernel.packet(host.key(pod, { local: WEB, remote: "10.0.0.9", sport: 2, dport: 80 }), 0, 100);
    host.kernel.moved = [];
    for (let i = 0; i < 11; i++) agent.second();
    agent.send(ledger);
    expect(ledger.flowPackets()).toBe(2);
  });

  test("a life's last look finds what the kernel has not told of yet: a later one may not get these maps", () => {
    const host = new FakeHost();
    const pod = host.addPod("web", WEB);
    const ledger = new Ledger();
    const agent = new Life(host, temporaryDirectory("last"));
    agent.second();
    host.kernel.packet(host.key(pod, { local: WEB, remote: "10.0.0.9", sport: 1, dport: 80 }), 0, 100);
    host.kernel.moved = [];
    agent.telemetry.lastCycle();
    agent.send(ledger);
    expectConserved(ledger, { packets: 1, bytes: 100 });
  });

  test("a tuple that comes back after its flow was deleted is another flow, counted from zero", () => {
    const directory = temporaryDirectory("again");
    const host = new FakeHost();
    const pod = host.addPod("web", WEB);
    const ledger = new Ledger();
    const first = new Life(host, directory);
    first.second();
    const key = host.key(pod, { local: WEB, remote: "10.0.0.9", sport: 5000, dport: 80 });
    for (let i = 0; i < 10; i++) host.kernel.packet(key, 0, 100);
    first.second();
    // Killed right after the deletion: only the kernel knows that the first flow is gone.
    host.kernel.flows.clear();
    host.kernel.advance(5);
    for (let i = 0; i < 10; i++) host.kernel.packet(key, 0, 100);
    const second = new Life(host, directory);
    second.second();
    second.send(ledger);
    expect([...ledger.flows().values()].map(({ packets }) => packets)).toEqual([10, 10]);
  });

  test("with the disk full nothing is deleted from the kernel, and all is reported once there is room", () => {
    const directory = temporaryDirectory("full");
    const host = new FakeHost();
    host.addPod("web", WEB);
    const disk = new FakeDisk();
    const ledger = new Ledger();
    const agent = new Life(host, directory, { disk });
    const sent = { packets: 0, bytes: 0 };
    agent.second();
    agent.send(ledger);
    disk.room = 0;
    const seen = new Set<string>();
    for (let second = 0; second < 12; second++) {
      traffic(host, second, sent);
      for (const name of host.kernel.flows.keys()) seen.add(name);
      expect(agent.second()).toBe(false);
    }
    expect(agent.telemetry.spool.failure).toMatch(/ENOSPC/);
    for (const name of seen) expect(host.kernel.flows.has(name)).toBe(true);
    disk.room = 1e9;
    for (let i = 0; i < 5; i++) expect(agent.second()).toBe(true);
    agent.send(ledger);
    expectConserved(ledger, sent);
  });

  test("after a reboot nothing of the stored baselines is used", () => {
    const directory = temporaryDirectory("boot");
    const host = new FakeHost();
    host.addPod("web", WEB);
    const ledger = new Ledger();
    const sent = { packets: 0, bytes: 0 };
    const first = new Life(host, directory);
    first.second();
    traffic(host, 0, sent);
    first.second();
    first.send(ledger);
    const second = new Life(host, directory, { bootId: "b0070000-0000-4000-8000-000000000001" });
    expect(second.telemetry.adopted).toBe(false);
    second.second();
    traffic(host, 1, sent);
    second.second();
    second.send(ledger);
    expectConserved(ledger, sent);
  });

  test("a batch splits at the most rows one may have, and the parts add up", () => {
    const host = new FakeHost();
    host.kernel.flowCapacity = 20_000;
    const pod = host.addPod("web", WEB);
    const ledger = new Ledger();
    const agent = new Life(host, temporaryDirectory("split"));
    agent.second();
    for (let i = 0; i < 12_000; i++) {
      const tuple = { local: WEB, remote: `10.1.${i >> 8}.${i & 255}`, sport: 1000, dport: 80 };
      host.kernel.packet(host.key(pod, tuple), 0, 100);
    }
    agent.second();
    agent.send(ledger);
    expect(ledger.flows().size).toBe(12_000);
    expectConserved(ledger, { packets: 12_000, bytes: 1_200_000 });
  });

  test("a removed pod's flows and totals are reported to the end, then its endpoint is forgotten", () => {
    const host = new FakeHost();
    const pod = host.addPod("web", WEB);
    const ledger = new Ledger();
    const agent = new Life(host, temporaryDirectory("gone"));
    agent.second();
    const sent = { packets: 0, bytes: 0 };
    traffic(host, 0, sent);
    host.removePod(pod);
    for (let i = 0; i < 4; i++) agent.second();
    agent.send(ledger);
    expect(ledger.totals().packets).toBe(sent.packets);
    expect(ledger.flowPackets()).toBe(sent.packets);
    expect(host.kernel.endpoints.size).toBe(0);
    expect(host.kernel.flows.size).toBe(0);
    expect(host.kernel.namespaces.has(pod.cookie as bigint)).toBe(false);
  });
});
