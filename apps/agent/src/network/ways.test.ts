import type { HostAnswer, Resolved, ResolveInput, Route } from "@millrace/contract/network";
import { expect, test } from "vitest";
import { nodePortAddress } from "../service/node-port.ts";
import { VNET_HEADER_BYTES } from "./held-packet.ts";
import { Ways } from "./ways.ts";
import { Whereabouts } from "./whereabouts.ts";

const [OWN, CLIENT, BACKEND, OTHER_HOST] = ["10.200.0.1", "192.0.2.9", "10.201.1.5", "10.200.0.2"];
const [NODE_PORT, TUNNEL_PORT] = [30_080, 8472];
const QUESTION = nodePortAddress({ family: 4, protocol: 6, port: NODE_PORT });
const host = {
  ...{ name: "h2", uplink4: OTHER_HOST, uplink6: null, mac: "02:00:00:00:00:02", mtu: 1500 },
  vtepPort: TUNNEL_PORT,
};
const route: Route = { host, pool: "default", mode: "overlay", identity: 300, labels: {} };

function ip4(
  source: string,
  destination: string,
  protocol: number,
  ports: readonly [number, number],
): Buffer {
  const ip = Buffer.alloc(40);
  ip[0] = 0x45;
  ip[9] = protocol;
  ip.set(source.split(".").map(Number), 12);
  ip.set(destination.split(".").map(Number), 16);
  ip.writeUInt16BE(ports[0], 20);
  ip.writeUInt16BE(ports[1], 22);
  return ip;
}
function tunnelled(inner: Buffer, flags: number): Buffer {
  const outer = Buffer.concat([
    ip4(OTHER_HOST, OWN, 17, [50_000, TUNNEL_PORT]).subarray(0, 28),
    Buffer.alloc(22),
  ]);
  outer[28] = flags;
  return Buffer.concat([outer, inner]);
}
/** As the device hands them up. */
const batchOf = (...packets: Buffer[]): Uint8Array =>
  Buffer.concat(
    packets.map((ip) => {
      const record = Buffer.alloc(8 + Math.ceil((VNET_HEADER_BYTES + ip.length) / 8) * 8);
      record.writeUInt32LE(VNET_HEADER_BYTES + ip.length, 0);
      record.set(ip, 8 + VNET_HEADER_BYTES);
      return record;
    }),
  );
const toNodePort = ip4(CLIENT, OWN, 6, [40_000, NODE_PORT]);

function scene() {
  const state = {
    known: new Set<string>(),
    takes: true,
    relayed: undefined as string | undefined,
    used: new Set<string>(),
    asked: [] as string[],
    services: [] as string[],
    backends: new Set<string>(),
    isConnected: true,
    answers: true,
    putBack: 0,
    ms: 0,
  };
  const where = new Whereabouts(() => undefined);
  const pool = { name: "default", mode: "overlay", prefix4: "10.201.0.0/16", prefix6: null } as const;
  const rest = { masquerade: true, blockLength4: 26, blockLength6: 122, mtuOverhead: 50 };
  const gateways = { gateway4: "169.254.1.1", gateway6: "fe80::1" };
  where.set({ locals: [], hostAddresses: [OWN], pools: [{ ...pool, ...rest, ...gateways }] });
  const resolve = async ({ addresses, hosts = [] }: ResolveInput) => {
    state.asked.push(...addresses, ...hosts.map((address) => `host ${address}`));
    if (!state.answers) return { ok: false as const, kind: "unreachable" as const, reason: "nobody" };
    const resolved = addresses.map(
      (address): Resolved => ({ address, found: route, reason: null, leaseSeconds: 120 }),
    );
    const answers = hosts.map((address): HostAnswer => ({ address, host, leaseSeconds: 120 }));
    return { ok: true as const, value: { resolved, hosts: answers } };
  };
  const ways = new Ways({
    client: { resolve } as never,
    services: {
      isVirtual: (address) => address === QUESTION,
      isKnown: (address) => state.known.has(address),
      ask: (address) => state.takes && state.services.push(address) > 0,
      backends: () => state.backends,
      relayed: () => state.relayed,
    },
    underlay: () => ({ ...host, uplink4: OWN }),
    inUse: () => (address) => state.used.has(address),
    isConnected: () => state.isConnected,
    nowMs: () => state.ms,
    log: () => {},
    where,
    isReady: () => true,
    onLearned: () => {},
  });
  ways.punt = { ifindex: 9, write: () => ++state.putBack > 0, close: async () => {} };
  return { state, ways };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("who comes to a node port waits for what is there, and then for the way to the backend that it was given", async () => {
  const { state, ways } = scene();
  ways.take(batchOf(toNodePort));
  expect([state.services, state.asked, state.putBack]).toEqual([[QUESTION], [], 0]);
  state.known.add(QUESTION);
  ways.answerAll();
  expect(state.putBack).toBe(1); // the kernel chooses
  state.relayed = BACKEND;
  ways.take(batchOf(toNodePort));
  expect(state.putBack).toBe(1);
  await turn();
  expect([state.asked, state.putBack]).toEqual([[BACKEND], 2]);
});

test("a port that isn't asked for, since too many are, is the host's own", () => {
  const { state, ways } = scene();
  state.takes = false;
  ways.take(batchOf(toNodePort));
  expect([state.services, state.putBack]).toEqual([[], 1]);
});

test.each([
  ["what came to another host's node port", tunnelled(ip4(CLIENT, BACKEND, 6, [40_000, 80]), 0x09)],
  ["what answers from this one's", tunnelled(ip4(OWN, CLIENT, 6, [NODE_PORT, 40_000]), 0x08)],
])("%s waits until it is known which host sent it", async (_what, packet) => {
  const { state, ways } = scene();
  ways.take(batchOf(packet));
  await turn();
  expect([state.asked, state.putBack, ways.counts.forged]).toEqual([[`host ${OTHER_HOST}`], 1, 0]);
});

test("hosts that come while one is asked for are asked for next, all in one request", async () => {
  const { state, ways } = scene();
  const from = (last: number) => {
    const packet = tunnelled(ip4(CLIENT, BACKEND, 6, [40_000, 80]), 0x09);
    packet[15] = last;
    return batchOf(packet);
  };
  for (const last of [2, 3, 4]) ways.take(from(last));
  expect(state.asked).toEqual(["host 10.200.0.2"]);
  await turn();
  expect(state.asked).toEqual(["host 10.200.0.2", "host 10.200.0.3", "host 10.200.0.4"]);
  expect(state.putBack).toBe(3);
});

test("a host by which a pod's answers go stays known when no pod of it is asked for any more", async () => {
  const { state, ways } = scene();
  ways.restore({ routes: [[BACKEND, route]], hosts: [] });
  state.used.add(OTHER_HOST);
  state.ms = 60_000;
  ways.expire();
  expect([ways.routes.found(), ways.hosts.found()]).toEqual([[], [host]]);
  await ways.renew();
  expect(state.asked).toEqual([`host ${OTHER_HOST}`]);
});

test("ways to backends are known before anybody talks to them, and as long as the service is", async () => {
  const { state, ways } = scene();
  const later = "10.201.1.6";
  state.backends = new Set([BACKEND, CLIENT]);
  await ways.renew();
  state.backends.add(later);
  state.ms = 9_999;
  await ways.renew();
  expect(state.asked).toEqual([BACKEND]); // the client is in no pool: the outside's
  state.ms = 10_000;
  await ways.renew();
  expect(state.asked).toEqual([BACKEND, later]);
  state.ms = 27 * 3_600_000;
  await ways.renew();
  expect(state.asked.slice(2)).toEqual([BACKEND, later]);
});

test("an hour with nobody to ask: whoever was known is", async () => {
  const { state, ways } = scene();
  state.backends = new Set([BACKEND]);
  await ways.renew();
  Object.assign(state, { isConnected: false, backends: new Set() });
  for (; state.ms < 3_600_000; state.ms += 1000) {
    await ways.renew();
    ways.expire();
  }
  expect(ways.routes.get(BACKEND)?.found).toEqual(route);
  expect(state.asked).toEqual([BACKEND]);
});

test("after one that isn't answered nothing more is asked for a while, and what is known stays", async () => {
  const { state, ways } = scene();
  const known = Array.from({ length: 600 }, (_, n) => `10.201.${2 + (n >> 8)}.${n & 255}`);
  state.backends = new Set(known);
  await ways.renew();
  expect(state.asked).toHaveLength(600);
  Object.assign(state, { answers: false, asked: [] });
  for (state.ms = 84_000; state.ms < 88_000; state.ms += 1000) await ways.renew();
  expect(state.asked).toHaveLength(256);
  for (; state.ms < 600_000; state.ms += 1000) {
    await ways.renew();
    ways.expire();
  }
  expect(known.every((address) => ways.routes.get(address))).toBe(true);
});

test("in doubt what is in use is asked again, and what isn't in its turn", async () => {
  const { state, ways } = scene();
  state.backends = new Set([BACKEND]);
  await ways.renew();
  Object.assign(state, { backends: new Set(), asked: [] });
  ways.doubt();
  await ways.renew();
  expect(state.asked).toEqual([]);
  state.used.add(BACKEND);
  ways.doubt();
  await ways.renew();
  expect(state.asked).toEqual([BACKEND]);
});
