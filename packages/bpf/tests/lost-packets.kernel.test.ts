/*
 * Packets that are lost where no flow's side drops them: what the agent puts back and can't go on, and what arrives for a pod whose
 * link is gone. Each is counted with a reason, and told to its endpoint where that is known.
 */

import { readDropKey } from "@millrace/abi/generated/event";
import { PathKind, PathLimit, PathReason } from "@millrace/abi/generated/flow";
import { encodeLocal, LOCAL_SIZE } from "@millrace/abi/generated/forward";
import { type BpfLink, setLink, TunDevice, VNET_HEADER_BYTES } from "@millrace/native/native";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { attachAt } from "./device-side.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import { viewOf } from "./observer.ts";
import { addressBytes, packet } from "./packet-builder.ts";
import { PROTOCOL, TestServices } from "./service-tables.ts";
import { eventually } from "./waiting.ts";

const DROP = 2;
const POD4 = "10.201.1.7";
const POD6 = "fd00:201:1::7";
const GONE4 = "10.201.1.9";
const OUT4 = "192.0.2.1";
/** More than the kernel lets a program put a header before. */
const TOO_LARGE = 20_000;

let host: TestHost;
let pod: TestPod;
let tun: TunDevice;
let hook: BpfLink;
beforeAll(() => {
  host = new TestHost(1, { watchesDrops: false });
  pod = host.addLoopbackPod(POD4, POD6);
  const netns = host.netns.path;
  tun = TunDevice.open({ netns, name: "punt0", mtu: 65_535, queueLength: 16 }, () => {});
  hook = host.object
    .program("punt_ingress")
    .attach(attachAt({ ifindex: tun.ifindex, direction: "ingress", netns }));
  setLink({ netns, ifindex: tun.ifindex, up: true });
  host.punt = tun.ifindex;
  host.commit();
  const local = new Uint8Array(LOCAL_SIZE);
  encodeLocal({ endpointId: 9, ifindex: 9999, identity: 1009 }, viewOf(local));
  host.map("locals").update(addressBytes(GONE4), local);
});
beforeEach(() => {
  for (const name of ["flows", "drops"]) {
    const map = host.map(name);
    for (let key = map.nextKey(); key; key = map.nextKey()) map.delete(key);
  }
});
afterAll(async () => {
  hook.close();
  await tun.close();
  host[Symbol.dispose]();
});

/** As the agent does: what begins at the IP header. */
const putBack = (ip: Uint8Array) => tun.write(Buffer.concat([Buffer.alloc(VNET_HEADER_BYTES), ip]));
/** The one drop there is: why, whose, and which way. */
function drop(): { reason: string; endpointId: number; sport: number; direction: number } | undefined {
  const key = host.map("drops").nextKey();
  if (!key) return undefined;
  const { flow, reason, direction } = readDropKey(viewOf(key), 0);
  const [name = ""] =
    Object.entries(PathReason).find(([, one]) => one === reason - PathLimit.REASON_BASE) ?? [];
  return { reason: name, endpointId: flow.endpointId, sport: flow.sport, direction };
}

test.each([
  ["to a pod here", POD4],
  ["to the host's stack", OUT4],
])("too large for a link header, %s: told by its flow too", async (_name, to) => {
  const datagram = (bytes: number) => packet().ethernet().ip4(POD4, to).udp(4000, 53).payload(bytes).bytes();
  host.run("pod_egress", datagram(8));
  expect(putBack(datagram(TOO_LARGE).subarray(14))).toBe(true);
  const seen = await eventually("it is counted", drop);
  expect(seen).toEqual({ reason: "NO_HEADROOM", endpointId: pod.endpointId, sport: 4000, direction: 0 });
  const sent = host.flows().find(({ key }) => key.sport === 4000);
  expect(sent?.record.drops).toBe(1n);
});

test("for a service, to a backend that nobody knows the way to: told by the flow to the service", async () => {
  const services = new TestServices(host.object).range();
  const backend = services.backend(1, { address: "10.201.2.9", port: 8080 });
  services.set(1, { address: "10.96.0.1", port: 80 }, PROTOCOL.udp, [backend]);
  host.route(backend.address, 128, { kind: PathKind.PUNT });
  const datagram = packet().ethernet().ip4(POD4, "10.96.0.1").udp(4000, 80).payload(8).bytes();
  const { packet: up } = host.run("pod_egress", datagram);
  expect(putBack(up.subarray(14))).toBe(true);
  const seen = await eventually("it is counted", drop);
  expect(seen).toEqual({ reason: "UNRESOLVED", endpointId: pod.endpointId, sport: 4000, direction: 0 });
  const sent = host.flows().find(({ key }) => key.dport === 80);
  expect(sent?.record).toMatchObject({ drops: 1n, path: { natDstPort: 8080 } });
});

test("put back with a header that contradicts itself: nobody's", async () => {
  const ip = Buffer.from(packet().ip4(POD4, OUT4, { totalLength: 4000 }).udp(4000, 53).bytes());
  expect(putBack(ip)).toBe(true);
  const seen = await eventually("it is counted", drop);
  expect(seen).toEqual({ reason: "MALFORMED", endpointId: 0, sport: 0, direction: 0 });
});

test("for a pod whose link is gone: one entry for the pod, whoever sends what", () => {
  for (let n = 1; n < 4; n++)
    expect(host.run("wire_ingress", packet().ethernet().ip4(OUT4, GONE4).udp(n, n).bytes()).answer).toBe(
      DROP,
    );
  expect(drop()).toEqual({ reason: "ENDPOINT_GONE", endpointId: 9, sport: 0, direction: 1 });
  expect(host.ownDrops()).toEqual({ ENDPOINT_GONE: 3 });
});
