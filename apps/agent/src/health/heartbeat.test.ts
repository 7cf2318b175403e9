import { Heartbeat } from "@millrace/contract/agent-protocol";
import { BATCH_MAX_BYTES } from "@millrace/contract/batch";
import { Incarnation } from "@millrace/contract/ids";
import { describe, expect, test } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { FakeHost, fakeContainer, Life } from "../testing/fake-host.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { podOf } from "../workload/pod.ts";
import { flowTableReport } from "./flow-table.ts";
import { gapsOf } from "./gaps.ts";
import { type HeartbeatFacts, heartbeat } from "./heartbeat.ts";

function facts(host: FakeHost, agent: Life): HeartbeatFacts {
  return {
    ...{ incarnation: Incarnation.parse("11111111-1111-4111-8111-111111111111"), uptimeS: 1, cpuShare: 0 },
    network: null,
    flowTable: null,
    ...{
      residentBytes: 1,
      dataplane: new FakeDataplane(host.kernel),
      used: { flows: 3 },
      gaps: [],
      counters: {},
    },
    ...{ pods: host.pods, spool: { batches: 0, bytes: 0, limitBytes: 1, oldestMs: null } },
    interfacesOf: (pod) => agent.reconciler.interfacesOf(pod),
    endpoints: [...agent.telemetry.registry.all.values()],
  };
}

describe("heartbeat", () => {
  test("is what the contract asks for, pods with their state, their interfaces and their containers", () => {
    const host = new FakeHost();
    host.addPod("web", "10.0.0.1");
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    agent.second();
    const beat = heartbeat(facts(host, agent));
    expect(Heartbeat.safeParse(beat).error).toBeUndefined();
    expect(beat.pods[0]).toMatchObject({
      ...{ pod: "web", namespace: "shop", state: "covered", reason: null, interfaces: ["eth0"] },
      ...{ addresses: ["10.0.0.1"], service: "web", containers: [{ name: "web", pid: 100 }] },
    });
    expect(beat.maps.find(({ name }) => name === "flows")?.used).toBe(3);
  });

  test("tells of the network where the host carries its pods' packets", () => {
    const host = new FakeHost();
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    const network = {
      uplink: { interface: "eth0", addresses: ["192.0.2.1"], mtu: 1500, tunnelPort: 4789 },
      blocks: [{ pool: "default", mode: "direct" as const, prefix4: "10.201.0.0/26", prefix6: null }],
      addresses: { used: 1, total: 64 },
      backendsOut: { count: 0, some: [] },
      hostPorts: {
        count: 1,
        some: [{ protocol: "tcp" as const, port: 8080, address: null, pod: "shop/web", podPort: 80 }],
      },
      podLinks: { kind: "netkit" as const, count: { veth: 1, netkit: 4 } },
    };
    expect(Heartbeat.parse(heartbeat({ ...facts(host, agent), network })).network).toEqual(network);
  });

  test("tells which endpoints hold most of the flow table, of as many as one may", () => {
    const host = new FakeHost();
    host.kernel.flowBudget = 7;
    const pods = Array.from({ length: 12 }, (_, n) => host.addPod(`web-${n}`, `10.0.0.${n + 1}`));
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    agent.second();
    for (const [n, pod] of pods.slice(0, 11).entries())
      for (let sport = 0; sport <= n; sport++)
        host.kernel.packet(host.key(pod, { local: "10.0.0.1", remote: "10.9.9.9", sport, dport: 80 }), 0, 60);
    const dataplane = new FakeDataplane(host.kernel);
    const flowTable = flowTableReport(dataplane, agent.telemetry.registry.all);
    expect(flowTable).toMatchObject({ budget: 7, endpoints: 11 });
    expect(flowTable.holders.map(({ pod, flows }) => `${pod} ${flows}`)).toEqual([
      ...["web-6 7", "web-7 7", "web-8 7", "web-9 7", "web-10 7"],
      ...["web-5 6", "web-4 5", "web-3 4", "web-2 3", "web-1 2"],
    ]);
    expect(Heartbeat.parse(heartbeat({ ...facts(host, agent), flowTable })).flowTable).toEqual(flowTable);
  });

  test("an older agent's, which says nothing of the network, is taken", () => {
    const host = new FakeHost();
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    const { network: _, flowTable: __, ...older } = heartbeat(facts(host, agent));
    expect(Heartbeat.parse(older)).toMatchObject({ network: null, flowTable: null });
  });

  test("a pod that can't be attached to has failed, with the kernel's reason, and no other suffers", () => {
    const host = new FakeHost();
    host.addPod("web", "10.0.0.1");
    const dataplane = new FakeDataplane(host.kernel);
    const agent = new Life(host, temporaryDirectory("heartbeat"), { dataplane });
    agent.second();
    host.addPod("cart", "10.0.0.2");
    dataplane.refuseAttach = "bpf_link_create: EPERM";
    agent.second();
    expect(heartbeat(facts(host, agent)).pods.map(({ pod, state, reason }) => [pod, state, reason])).toEqual([
      ["web", "covered", null],
      ["cart", "failed", "bpf_link_create: EPERM"],
    ]);
    dataplane.refuseAttach = undefined;
    agent.second();
    expect(heartbeat(facts(host, agent)).pods[1]?.state).toBe("covered");
  });

  test("a container on the host's network is listed as not covered, with the reason", () => {
    const host = new FakeHost();
    host.pods.push(podOf(undefined, undefined, [fakeContainer("proxy")]));
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    agent.second();
    expect(heartbeat(facts(host, agent)).pods[0]).toMatchObject({
      ...{ pod: "proxy", state: "not-covered", reason: expect.stringMatching(/host's network/) },
    });
  });
});

describe("a report that would be too long", () => {
  test("lists the pods that fit, says how many it doesn't, and is short enough for a server", () => {
    const host = new FakeHost();
    const labels = Object.fromEntries(
      Array.from({ length: 64 }, (_, i) => [`${i}`.padEnd(63, "あ"), "い".repeat(253)]),
    );
    for (let i = 0; i < 200; i++)
      host.pods.push(podOf(undefined, undefined, [fakeContainer(`pod-${i}`, { labels })]));
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    agent.second();
    const beat = heartbeat(facts(host, agent));
    expect(Heartbeat.safeParse(beat).error).toBeUndefined();
    expect(Buffer.byteLength(JSON.stringify(beat))).toBeLessThan(BATCH_MAX_BYTES);
    expect(beat.pods.length).toBeGreaterThan(10);
    const missing = { what: "pods missing from this list", count: 200 - beat.pods.length };
    expect(beat.gaps).toEqual([expect.objectContaining(missing)]);
  });

  test("of a pod with too many containers the first ones are listed, and the others counted", () => {
    const host = new FakeHost();
    const containers = Array.from({ length: 130 }, (_, i) => fakeContainer(`c-${i}`));
    host.addPod("web", "10.0.0.1", containers);
    const agent = new Life(host, temporaryDirectory("heartbeat"));
    agent.second();
    const beat = heartbeat(facts(host, agent));
    expect(beat.pods[0]?.containers).toHaveLength(100);
    expect(beat.gaps).toMatchObject([{ what: "containers missing from this list", count: 30 }]);
  });
});

describe("gaps", () => {
  test("say what is not seen, how often and why, and nothing that doesn't apply", () => {
    const pods = [podOf(undefined, undefined, [fakeContainer("proxy")])];
    const missing = [{ what: "live traces", why: "tracing: EPERM" }];
    const none = { loopbacks: 0, refusedInterfaces: 0, failedEndpoints: 0, hooksOff: [], leftBehind: [] };
    const hooksOff = ["egress of endpoint 7: EEXIST"];
    expect(
      gapsOf({ pods, ...none, loopbacks: 2, hooksOff, missing }).map(({ what, count }) => [what, count]),
    ).toEqual([
      ["containers on the host's network", 1],
      ["traffic over a pod's own loopback", 2],
      ["hooks that somebody took off", 1],
      ["live traces", 1],
    ]);
    expect(gapsOf({ pods: [], ...none, missing: [] })).toEqual([]);
  });
});
