/*
 * Service balancing where sockets connect and send: real sockets of one pod, backends in another namespace.
 */
import { EventKind } from "@millrace/abi/generated/event";
import { decodeEventServiceAsked } from "@millrace/abi/generated/service";
import { RingReader } from "@millrace/native/native";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { Balancer, CLIENT_ENDPOINT } from "./balancer.ts";
import { Belongings } from "./belongings.ts";
import { keyOf } from "./expectations.ts";
import { TestNetns, vethPair } from "./netns.ts";
import { viewOf } from "./observer.ts";
import { addressBytes } from "./packet-builder.ts";
import { type Backend, type Place, PROTOCOL } from "./service-tables.ts";
import { eventually } from "./waiting.ts";

const CART4: Place = { address: "10.96.0.1", port: 80 };
const CART6: Place = { address: "fd00:96::1", port: 80 };
const DNS4: Place = { address: "10.96.0.53", port: 53 };
const MAPPED = "::ffff:10.96.0.1";
const at = (place: Place) => ({ host: place.address, port: place.port });
const text = ({ address, port }: Place) => `${address} ${port}`;

let mine: Belongings;
let pod: TestNetns;
let balancer: Balancer;
let client: Actor;
let server: Actor;

beforeEach(async () => {
  mine = new Belongings();
  pod = mine.use(new TestNetns("services"));
  const peer = mine.use(new TestNetns("backends"));
  vethPair(pod, peer);
  balancer = mine.use(new Balancer(pod));
  client = mine.use(await Actor.in(pod));
  server = mine.use(await Actor.in(peer));
});
afterEach(() => mine[Symbol.dispose]());

/** Backends of the service, each a server that says its name. */
async function backends(service: number, names: readonly string[], host = "10.9.0.1"): Promise<Backend[]> {
  const made: Backend[] = [];
  for (const name of names) {
    const port = 9000 + service * 100 + made.length + (host.includes(":") ? 50 : 0);
    await server.do("serve", { name, host, port });
    made.push(balancer.backend(service, { address: host, port }));
  }
  return made;
}
const namesOf = async (count: number, place = CART4): Promise<string[]> => {
  const names: string[] = [];
  for (let i = 0; i < count; i++)
    names.push((await client.do("ask", { id: `n${i}-${Math.random()}`, ...at(place) })).name ?? "");
  return names;
};

test("a TCP socket is given a backend, and shown the virtual address", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  expect(await client.do("ask", { id: 1, ...at(CART4) })).toMatchObject({ name: "a", peer: text(CART4) });
  expect(balancer.counts(1)).toEqual({ opened: 1n, refused: 0n });
  expect(balancer.backendCounts(a).opened).toBe(1n);
});

test("so is one of IPv6, and an IPv6 socket that names a mapped IPv4 address", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  const [six] = (await backends(2, ["six"], "fd09::1")) as [Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  balancer.set(2, CART6, PROTOCOL.tcp, [six]);
  expect(await client.do("ask", { id: 1, ...at(CART6) })).toMatchObject({ name: "six", peer: text(CART6) });
  expect(await client.do("ask", { id: 2, host: MAPPED, port: 80 })).toMatchObject({
    name: "a",
    peer: `${MAPPED} 80`,
  });
});

test("a connected UDP socket is given a backend, and shown the virtual address", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  const [six] = (await backends(2, ["six"], "fd09::1")) as [Backend];
  balancer.set(1, CART4, PROTOCOL.udp, [a]);
  balancer.set(2, CART6, PROTOCOL.udp, [six]);
  const shown = (name: string, place: Place) => [{ name, from: text(place), peer: text(place) }];
  expect((await client.do("askUdp", { connect: true, places: [at(CART4)] })).answers).toEqual(
    shown("a", CART4),
  );
  const six6 = await client.do("askUdp", { connect: true, family: 6, places: [at(CART6)] });
  expect(six6.answers).toEqual(shown("six", CART6));
});

test("a UDP socket sends to two services and a mapped one, and each answer comes from who was asked", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  const [dns] = (await backends(2, ["dns"])) as [Backend];
  balancer.set(1, CART4, PROTOCOL.udp, [a]);
  balancer.set(2, DNS4, PROTOCOL.udp, [dns]);
  const places = [at(CART4), at(DNS4), at(CART4)];
  expect((await client.do("askUdp", { places })).answers).toEqual([
    { name: "a", from: text(CART4) },
    { name: "dns", from: text(DNS4) },
    { name: "a", from: text(CART4) },
  ]);
  const mapped = await client.do("askUdp", { family: 6, places: [{ host: MAPPED, port: 80 }] });
  expect(mapped.answers).toEqual([{ name: "a", from: `${MAPPED} 80` }]);
});

test("a socket that asks for a port of the host that leads to a pod is given the pod, and shown the host's", async () => {
  const own = { address: "10.200.0.1", port: 8080 };
  for (const protocol of Object.values(PROTOCOL))
    balancer.hostPort(own, protocol, { address: "10.9.0.1", port: 9000 });
  await server.do("serve", { name: "pod", host: "10.9.0.1", port: 9000 });
  const { localPort, ...shown } = await client.do("ask", { id: 1, ...at(own) });
  expect(shown).toEqual({ name: "pod", peer: text(own) });
  const [noted] = balancer.flows();
  expect(noted?.key).toMatchObject({ sport: localPort, dport: 9000 });
  expect(noted?.flow.virtual).toMatchObject({ port: 8080, address: addressBytes(own.address) });
  const { answers } = await client.do("askUdp", { places: [at(own), at(own)] });
  expect(answers).toEqual([1, 2].map(() => ({ name: "pod", from: text(own) })));
  expect(await client.do("open", { id: 2, host: "10.9.0.1", port: 8080 })).toEqual({ error: "ECONNREFUSED" });
});

test("the datagrams of one socket go to one backend, and count once", async () => {
  const made = await backends(1, ["a", "b", "c", "d"]);
  balancer.set(1, CART4, PROTOCOL.udp, made);
  const { answers = [] } = await client.do("askUdp", { places: Array(20).fill(at(CART4)) });
  expect(new Set(answers.map(({ name }) => name)).size).toBe(1);
  expect(balancer.counts(1).opened).toBe(1n);
});

test("connections are shared out by the slots that backends have", async () => {
  const [a, b] = (await backends(1, ["a", "b"])) as [Backend, Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a, a, a, b]);
  const names = await namesOf(200);
  const ofA = names.filter((name) => name === "a").length;
  // 150 expected, with a deviation of 6.1: beyond seven of them once in 10¹² runs.
  expect(ofA).toBeGreaterThan(107);
  expect(ofA).toBeLessThan(193);
  expect(Number(balancer.backendCounts(a).opened)).toBe(ofA);
  expect(Number(balancer.backendCounts(b).opened)).toBe(200 - ofA);
});

test("with affinity a pod keeps its backend, until that takes nothing new", async () => {
  const [a, b] = (await backends(1, ["a", "b"])) as [Backend, Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a, b], { affinitySeconds: 3600 });
  const names = new Set(await namesOf(30));
  expect(names.size).toBe(1);
  const [kept, other] = names.has("a") ? [a, b] : [b, a];
  balancer.set(1, CART4, PROTOCOL.tcp, [other], { affinitySeconds: 3600 });
  balancer.removeBackend(kept);
  expect(new Set(await namesOf(10))).toEqual(new Set([other === a ? "a" : "b"]));
});

test("affinity ends so many seconds after the last connection", async () => {
  const [a, b] = (await backends(1, ["a", "b"])) as [Backend, Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a], { affinitySeconds: 1 });
  expect(await namesOf(1)).toEqual(["a"]);
  balancer.set(1, CART4, PROTOCOL.tcp, [b], { affinitySeconds: 1 });
  expect(await namesOf(1)).toEqual(["a"]);
  const map = balancer.object.map("service_affinities");
  const key = map.nextKey() as Buffer;
  const value = map.lookup(key) as Buffer;
  value.writeBigUInt64LE(value.readBigUInt64LE(0) - 1_000_000_000n, 0);
  map.update(key, value);
  expect(await namesOf(1)).toEqual(["b"]);
});

test("a draining backend keeps its connections, which still show the virtual address, and gets none", async () => {
  const [a, b] = (await backends(1, ["a", "b"])) as [Backend, Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  expect(await client.do("ask", { id: "old", ...at(CART4) })).toMatchObject({ name: "a" });
  balancer.set(1, CART4, PROTOCOL.tcp, [b]);
  balancer.removeBackend(a);
  expect(await namesOf(10)).toEqual(Array(10).fill("b"));
  expect(await client.do("ask", { id: "old" })).toMatchObject({ name: "a", peer: text(CART4) });
});

test("without backends a connect and a datagram are refused at once, and counted by service", async () => {
  balancer.set(1, CART4, PROTOCOL.tcp, []);
  balancer.set(2, CART6, PROTOCOL.tcp, []);
  balancer.set(3, CART4, PROTOCOL.udp, []);
  expect(await client.do("ask", { id: 1, ...at(CART4) })).toEqual({ error: "ECONNREFUSED" });
  expect(await client.do("ask", { id: 2, ...at(CART6) })).toEqual({ error: "ECONNREFUSED" });
  expect(await client.do("askUdp", { places: [at(CART4)] })).toEqual({ error: "ECONNREFUSED" });
  expect(await client.do("askUdp", { connect: true, places: [at(CART4)] })).toEqual({
    error: "ECONNREFUSED",
  });
  expect([1, 2, 3].map((n) => balancer.counts(n).refused)).toEqual([1n, 1n, 2n]);
  expect(balancer.total("EMPTY")).toBe(4);
});

test("to an address that isn't known yet a socket goes as it is, and it is asked for at most once a second", async () => {
  pod.sh("ip route add unreachable 10.96.0.0/16");
  const asked: string[] = [];
  const reader = new RingReader(balancer.object.map("events"), (batch) => {
    const record = viewOf(batch.subarray(8));
    const event = decodeEventServiceAsked(record);
    if (event?.header.kind === EventKind.SERVICE_ASKED)
      asked.push(Buffer.from(event.key.address).toString("hex"));
  });
  try {
    for (const id of [1, 2, 3])
      expect(await client.do("ask", { id, ...at(CART4) })).toEqual({ error: "EHOSTUNREACH" });
    await eventually("the question", () => asked.length > 0);
    expect(asked).toEqual([Buffer.from(addressBytes(CART4.address)).toString("hex")]);
    expect(balancer.total("UNKNOWN")).toBe(3);
  } finally {
    await reader.close();
  }
});

test("a port that a service hasn't, and an address that is none, are refused without asking", async () => {
  balancer.know(CART4.address);
  expect(await client.do("ask", { id: 1, ...at(CART4) })).toEqual({ error: "ECONNREFUSED" });
  expect([balancer.total("ABSENT"), balancer.total("UNKNOWN")]).toEqual([1, 0]);
});

test("when a service is removed its connections stay, and new ones are refused", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  balancer.know(CART4.address);
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  await client.do("ask", { id: "old", ...at(CART4) });
  balancer.remove(CART4, PROTOCOL.tcp);
  balancer.removeBackend(a);
  expect(await client.do("ask", { id: 2, ...at(CART4) })).toEqual({ error: "ECONNREFUSED" });
  expect(await client.do("ask", { id: "old" })).toMatchObject({ name: "a", peer: text(CART4) });
});

test("a backend of another service is never given, whatever the slots say", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  balancer.set(2, CART4, PROTOCOL.tcp, [a]);
  expect(await client.do("ask", { id: 1, ...at(CART4) })).toEqual({ error: "ECONNREFUSED" });
  expect([balancer.total("RACED"), balancer.total("TRANSLATED")]).toEqual([1, 0]);
});

test("what is no virtual address, and sockets of others, are left alone", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  expect(await client.do("ask", { id: 1, ...at(a) })).toMatchObject({ name: "a", peer: text(a) });
  const clients = balancer.object.map("service_clients");
  clients.delete(clients.nextKey() as Buffer);
  pod.sh("ip route add unreachable 10.96.0.0/16");
  expect(await client.do("ask", { id: 2, ...at(CART4) })).toEqual({ error: "EHOSTUNREACH" });
  expect([balancer.total("TRANSLATED"), balancer.total("UNKNOWN")]).toEqual([0, 0]);
});

test("a flow that is opened is noted with what was asked for, under the key that it has itself", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  const { localPort: sport = 0 } = await client.do("ask", { id: 1, ...at(CART4) });
  await client.do("ask", { id: 2, ...at(a) });
  const flows = balancer.flows();
  expect(flows).toHaveLength(1);
  expect(flows[0]?.key).toEqual(
    keyOf({
      saddr: "10.9.0.2",
      daddr: a.address,
      sport,
      dport: a.port,
      proto: 6,
      endpointId: CLIENT_ENDPOINT,
    }),
  );
  expect(flows[0]?.flow).toMatchObject({ service: 1, backend: a.number });
  expect(flows[0]?.flow.virtual).toEqual({ address: addressBytes(CART4.address), port: 80, proto: 6 });
});

test("what becomes of connections to a backend is counted, an ordinary end isn't", async () => {
  const [a] = (await backends(1, ["a"])) as [Backend];
  const nobody = balancer.backend(2, { address: "10.9.0.1", port: 9999 });
  balancer.set(1, CART4, PROTOCOL.tcp, [a]);
  balancer.set(2, DNS4, PROTOCOL.tcp, [nobody]);
  const none = { opened: 0n, answered: 0n, failures: 0n, resets: 0n };
  expect(await client.do("ask", { id: 1, ...at(DNS4) })).toEqual({ error: "ECONNREFUSED" });
  expect(balancer.backendCounts(nobody)).toEqual({ ...none, opened: 1n, failures: 1n });
  await client.do("ask", { id: 2, ...at(CART4) });
  await client.do("close", { id: 2 });
  expect(balancer.backendCounts(a)).toEqual({ ...none, opened: 1n, answered: 1n });
  await client.do("ask", { id: 3, ...at(CART4) });
  await server.do("resetAll");
  await eventually("the reset", () => balancer.backendCounts(a).resets === 1n);
});

test("a connect that is given up has failed if its backend was asked twice", () => {
  const silent = balancer.backend(1, { address: "10.9.0.77", port: 9998 });
  balancer.set(1, CART4, PROTOCOL.tcp, [silent]);
  pod.sh("ip neigh add 10.9.0.77 lladdr 02:00:00:00:00:77 dev eth0");
  const connect = `bash -c exec</dev/tcp/${CART4.address}/${CART4.port}`;
  const giveUpAfter = (seconds: number) =>
    expect(() => pod.sh(`timeout ${seconds} ${connect}`)).toThrow(/timeout/);
  const none = { answered: 0n, failures: 0n, resets: 0n };
  giveUpAfter(0.2);
  expect(balancer.backendCounts(silent)).toEqual({ ...none, opened: 1n });
  giveUpAfter(1.5);
  expect(balancer.backendCounts(silent)).toEqual({ ...none, opened: 2n, failures: 1n });
});
