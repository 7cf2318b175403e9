/**
 * One packet between two pods of a host through pod_egress, by test runs: on the fast path, on the slow path, and through
 * an empty program. On this way a packet isn't changed, so that it can be run again and again.
 */
import { openObject } from "@millrace/native/native";
import { TestHost, type TestPod } from "../../packages/bpf/tests/forwarder.ts";
import { packet, type TcpFlags, withChecksums } from "../../packages/bpf/tests/packet-builder.ts";
import { TestPolicy } from "../../packages/bpf/tests/policy-tables.ts";
import { at } from "../../tools/paths.mjs";

const RUNS = 200_000;
const HOST = 99;
const [CLIENT_PORT, SERVER_PORT] = [40_000, 80];

export function pathTiers(): { fast: number; slow: number; empty: number } {
  using host = new TestHost(HOST, { watchesDrops: false });
  const [client, server] = [host.addPod("a"), host.addPod("b")];
  admit(host, client, server);
  const send = (from: TestPod, to: TestPod, flags: Partial<TcpFlags>, runs = 1) => {
    const [sport, dport] = from === client ? [CLIENT_PORT, SERVER_PORT] : [SERVER_PORT, CLIENT_PORT];
    const frame = packet().ethernet().ip4(from.ip4, to.ip4).tcp(sport, dport, flags).payload(1).bytes();
    return host.timeRuns("pod_egress", withChecksums(frame), from.ifindex, runs);
  };
  send(client, server, { syn: true });
  send(server, client, { syn: true, ack: true });
  const fast = send(client, server, { ack: true }, RUNS);
  // The pod's kernel has flows of its own: it reports the groups it is in.
  const flow = host.flowsOf(client).find(({ key }) => key.sport === CLIENT_PORT);
  const slowPackets = flow?.record.path.slowPackets ?? RUNS;
  if (slowPackets > 3) throw new Error(`${slowPackets} of ${RUNS} packets took the slow path`);
  // Whoever opens a connection is judged each time.
  const slow = send(client, server, { syn: true }, RUNS);
  return { fast, slow, empty: emptyTime() };
}

function admit(host: TestHost, client: TestPod, server: TestPod): void {
  const rule = [{ proto: 6, verdict: "FORWARD" as const, rule: 257 }];
  new TestPolicy(host)
    .subject(client.endpointId, "egress")
    .judge(client.endpointId, "egress", { identity: server.identity }, rule)
    .subject(server.endpointId, "ingress")
    .judge(server.endpointId, "ingress", { identity: client.identity }, rule)
    .hold();
}

function emptyTime(): number {
  const object = openObject(at("packages/bpf/build/test/empty.bpf.o"));
  try {
    object.load();
    const data = packet().ethernet().ip4("10.9.1.2", "10.9.2.2").tcp(1, 2, { ack: true }).bytes();
    return object.program("endpoint_ingress").testRun({ data, repeat: RUNS }).durationNs;
  } finally {
    object.close();
  }
}
