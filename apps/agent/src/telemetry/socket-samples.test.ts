import { encodeSocketSample, SOCKET_SAMPLE_SIZE } from "@millrace/abi/generated/socket";
import { describe, expect, test } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { FakeHost, fakeContainer, Life } from "../testing/fake-host.ts";
import { decodeBatch } from "../testing/ledger.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const TUPLE = { local: "10.0.0.1", remote: "192.0.2.9", sport: 80, dport: 50_000 };

describe("a connection opened before the attach", () => {
  test("has its container and round trip from its socket, until the flow's own record has them", () => {
    const host = new FakeHost();
    const containers = [
      fakeContainer("app", { cgroups: [77] }),
      fakeContainer("proxy", { cgroups: [78], pid: 2 }),
    ];
    const pod = host.addPod("web", TUPLE.local, containers);
    const dataplane = new FakeDataplane(host.kernel);
    const bytes = new Uint8Array(SOCKET_SAMPLE_SIZE);
    encodeSocketSample(
      {
        ...{ key: host.key(pod, TUPLE), state: 1, netnsCookie: 1n, cgroupId: 78n, bytesAcked: 0n },
        ...{ bytesReceived: 0n, rttUs: 321, rttMinUs: 300, retransmits: 0 },
      },
      new DataView(bytes.buffer),
    );
    dataplane.sockets = () => bytes;
    const agent = new Life(host, temporaryDirectory("samples"), { dataplane });
    const report = () => {
      const { spool } = agent.telemetry;
      for (let b = spool.oldest; b; b = spool.oldest) spool.acknowledge(b);
      agent.second();
      const batch = spool.oldest as NonNullable<typeof spool.oldest>;
      const { flows, head } = decodeBatch(spool.payload(batch), batch.compressed);
      return [head.workloads[(flows.dstWorkload[0] as number) - 1]?.container, flows.rttUs[0]];
    };
    agent.second();
    host.kernel.packet(host.key(pod, TUPLE), 1, 100);
    expect(report()).toEqual(["proxy", 321]);
    host.kernel.packet(host.key(pod, TUPLE), 1, 100, { cgroupId: 77n, rttUs: 500 });
    expect(report()).toEqual(["app", 500]);
    host.kernel.packet(host.key(pod, { ...TUPLE, dport: 50_001 }), 1, 100);
    expect(report()).toEqual([null, 0]);
  });
});
