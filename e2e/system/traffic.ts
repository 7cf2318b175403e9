/**
 * A known mix of real traffic between two pods: TCP bulk, short connections, UDP and ICMP, over IPv4 and IPv6.
 * The programs run inside the containers; this file holds them as text and starts them.
 */
import type { Lab } from "@millrace/lab/lab";
import { NODE_IN_CONTAINER } from "@millrace/lab/shop";
import { until } from "./child.ts";

const PORT = 9000;

/** Echoes TCP and UDP on both families; a client that half-closes gets the rest and a FIN. */
const PEER = `
const net = require("node:net"), dgram = require("node:dgram");
net.createServer({ allowHalfOpen: true }, (s) => s.on("error", () => {}).pipe(s)).listen(${PORT}, "::");
const udp = dgram.createSocket({ type: "udp6" });
udp.on("message", (m, from) => udp.send(m, from.port, from.address));
udp.bind(${PORT}, "::");
`;

const MIX = `
import net from "node:net";
import dgram from "node:dgram";
const { host, connections, megabytes, datagrams } = JSON.parse(process.env.MIX);
const talk = (bytes) => new Promise((resolve, reject) => {
  const socket = net.connect({ host, port: ${PORT} });
  let left = bytes;
  socket.on("data", (d) => { left -= d.length; });
  socket.on("end", () => (left === 0 ? resolve() : reject(new Error(left + " bytes missing"))));
  socket.on("error", reject);
  const chunk = Buffer.alloc(Math.min(bytes, 1 << 16), 7);
  const write = (rest) => {
    if (rest <= 0) return socket.end();
    socket.write(rest >= chunk.length ? chunk : chunk.subarray(0, rest), () => write(rest - chunk.length));
  };
  socket.on("connect", () => write(bytes));
});
for (let i = 0; i < megabytes; i++) await talk(1 << 20);
let next = 0;
await Promise.all(Array.from({ length: 40 }, async () => { while (next++ < connections) await talk(100); }));
const udp = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
for (let i = 0; i < datagrams; i++)
  await new Promise((resolve, reject) => {
    const retry = setTimeout(() => reject(new Error("no answer to datagram " + i)), 10000);
    udp.once("message", () => { clearTimeout(retry); resolve(); });
    udp.send(Buffer.alloc(200), ${PORT}, host);
  });
udp.close();
`;

/** One connection kept for the whole time, and a stream of new ones; any error or stall is counted. */
const STEADY = `
import net from "node:net";
const { host, seconds } = JSON.parse(process.env.STEADY);
const end = Date.now() + seconds * 1000;
let exchanges = 0, connections = 0;
const errors = [];
const open = () => new Promise((resolve, reject) => {
  const socket = net.connect({ host, port: ${PORT} }, () => resolve(socket));
  socket.setTimeout(5000, () => socket.destroy(new Error("stalled for 5 s")));
  socket.once("error", reject);
});
const exchange = (socket) => new Promise((resolve, reject) => {
  socket.once("error", reject);
  socket.once("data", () => { socket.off("error", reject); exchanges++; resolve(); });
  socket.write("x");
});
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const kept = async () => { const s = await open(); while (Date.now() < end) { await exchange(s); await rest(5); } s.end(); };
const fresh = async () => { while (Date.now() < end) { const s = await open(); connections++; await exchange(s); s.end(); await rest(20); } };
await Promise.all([kept(), fresh()].map((p) => p.catch((e) => errors.push(String(e)))));
console.log(JSON.stringify({ exchanges, connections, errors }));
`;

/**
 * So many connections kept open to each of the addresses in turn, a stream of new ones, and, when all are open, numbered
 * datagrams that are to come back, until there is a file that says "enough". Whatever fails is an error, and what doesn't come back is lost.
 */
const ENDLESS = `
import net from "node:net";
import dgram from "node:dgram";
import { existsSync, writeFileSync } from "node:fs";
const { to, connections, pace, underWay, enough } = JSON.parse(process.env.ENDLESS);
const met = { kept: 0, exchanges: 0, opened: 0, datagrams: 0, lost: [], errors: [] };
const isOver = () => existsSync(enough);
let areOpen;
const allOpen = new Promise((resolve) => (areOpen = resolve)).then(() => writeFileSync(underWay, ""));
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fail = (what) => (error) => { if (met.errors.length < 20) met.errors.push(what + ": " + error); };
const open = (host) => new Promise((resolve, reject) => {
  const socket = net.connect({ host, port: ${PORT} }, () => resolve(socket));
  socket.setTimeout(10_000, () => socket.destroy(new Error("stalled for 10 s")));
  socket.once("error", reject);
});
const exchange = (socket) => new Promise((resolve, reject) => {
  const ended = () => reject(new Error("ended by the other end"));
  socket.once("error", reject);
  socket.once("close", ended);
  socket.once("data", () => { socket.off("error", reject); socket.off("close", ended); met.exchanges++; resolve(); });
  socket.write("x");
});
const keep = async (host) => {
  const socket = await open(host);
  await exchange(socket);
  if (++met.kept === connections) areOpen();
  for (; !isOver(); await rest(500)) await exchange(socket);
  socket.destroy();
};
const renew = async () => {
  for (let n = 0; !isOver(); n++, await rest(20 * pace)) {
    const socket = await open(to[n % to.length]);
    await exchange(socket);
    met.opened++;
    socket.end();
  }
};
const tell = async (host) => {
  await allOpen; // the first to ask whose an address is may have to wait for longer than packets are held
  const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
  const away = new Set();
  socket.on("message", (m) => away.delete(m.readUInt32BE(0)));
  socket.on("error", fail("datagrams to " + host));
  for (let n = 0; !isOver(); n++, await rest(10 * pace)) {
    const numbered = Buffer.alloc(100);
    numbered.writeUInt32BE(n);
    away.add(n);
    socket.send(numbered, ${PORT}, host);
    met.datagrams++;
  }
  await rest(2000);
  if (away.size > 0) met.lost.push({ to: host, count: away.size, first: Math.min(...away), last: Math.max(...away) });
  socket.close();
};
const kept = Array.from({ length: connections }, (_, n) => to[n % to.length]);
await Promise.all([
  ...kept.map((host) => keep(host).catch(fail("kept connection to " + host))),
  renew().catch(fail("new connection")),
  ...to.map(tell),
]);
console.log(JSON.stringify(met));
`;

export type Endless = {
  kept: number;
  exchanges: number;
  opened: number;
  datagrams: number;
  /** Which numbers, of those to one address: each sends 100 a second, divided by the pace. */
  lost: { to: string; count: number; first: number; last: number }[];
  errors: string[];
};
const A_DAY_MS = 86_400_000;

/** From the sender, once all connections that are kept are open; `end` stops it, and says what it met. `pace`: so many times slower. */
export async function endlessTraffic(
  lab: Lab,
  wanted: { to: readonly string[]; connections: number; pace?: number },
): Promise<{ end: () => Promise<Endless> }> {
  const [underWay, enough] = ["/tmp/under-way", "/tmp/enough"];
  const env = `ENDLESS=${JSON.stringify({ pace: 1, ...wanted, underWay, enough })}`;
  const running = lab.exec("sender", ["env", env, NODE_IN_CONTAINER, "--input-type=module", "-"], {
    ...{ timeoutMs: A_DAY_MS, stdin: ENDLESS },
  });
  const isUnderWay = async () => (await lab.exec("sender", ["test", "-e", underWay])).code === 0;
  await until("all connections are open", isUnderWay, { deadlineMs: 30_000, everyMs: 200 });
  return {
    end: async () => {
      await must(lab, "sender", ["touch", enough]);
      const { code, stdout, stderr } = await running;
      if (code !== 0) throw new Error(`endless traffic: exit ${code}\n${stderr}`);
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Endless;
    },
  };
}

/** Datagrams that came to a pod's sockets and found no room there, because its process was kept from running. */
export async function overflowedSockets(lab: Lab, pod: string): Promise<number> {
  const counters = ["UdpRcvbufErrors", "Udp6RcvbufErrors"];
  const { code, stdout, stderr } = await lab.execInNetns(lab.pod(pod), ["nstat", "-asz", ...counters]);
  if (code !== 0) throw new Error(`nstat in ${pod}: ${stderr}`);
  return [...stdout.matchAll(/RcvbufErrors\s+(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

export type Steady = { exchanges: number; connections: number; errors: string[] };

/** Traffic that goes on while a test breaks things; resolves with what it met. */
export async function steadyTraffic(lab: Lab, seconds: number): Promise<Steady> {
  const env = `STEADY=${JSON.stringify({ host: lab.pod("peer").ip4, seconds })}`;
  const outcome = await lab.exec("sender", ["env", env, NODE_IN_CONTAINER, "--input-type=module", "-"], {
    timeoutMs: (seconds + 60) * 1000,
    stdin: STEADY,
  });
  if (outcome.code !== 0) throw new Error(`steady traffic: exit ${outcome.code}\n${outcome.stderr}`);
  return JSON.parse(outcome.stdout.trim()) as Steady;
}

export type Mix = { connections: number; megabytes: number; datagrams: number; pings: number };

/** On which host each is. */
export async function addPeers(lab: Lab, at = { sender: 1, peer: 1 }): Promise<void> {
  await addEchoPod(lab, "peer", at.peer);
  await addPod(lab, "sender", at.sender, "setInterval(() => {}, 1 << 30)");
}
/** Another one that answers as the peer does. */
export const addEchoPod = (lab: Lab, name: string, hostNumber: number): Promise<void> =>
  addPod(lab, name, hostNumber, PEER);

async function addPod(lab: Lab, name: string, hostNumber: number, program: string): Promise<void> {
  await lab.addPod({
    ...{ name, namespace: "test", hostNumber, labels: { app: name } },
    containers: [{ name, argv: [NODE_IN_CONTAINER, "-e", program], restart: false }],
  });
}

export async function sendMix(lab: Lab, mix: Mix): Promise<void> {
  const peer = lab.pod("peer");
  for (const host of [peer.ip4, peer.ip6]) {
    await must(
      lab,
      "sender",
      ["env", `MIX=${JSON.stringify({ ...mix, host })}`, NODE_IN_CONTAINER, "--input-type=module", "-"],
      MIX,
    );
    await must(lab, "sender", ["ping", "-c", String(mix.pings), "-i", "0.01", "-q", host]);
  }
}

/** Segmentation and its reverse, both ends: off makes every wire segment a buffer of its own. */
export async function setOffload(lab: Lab, on: boolean): Promise<void> {
  for (const name of ["sender", "peer"]) {
    const switches = ["tso", "gso", "gro", "tx-udp-segmentation"].flatMap((f) => [f, on ? "on" : "off"]);
    const outcome = await lab.execInNetns(lab.pod(name), ["ethtool", "-K", "eth0", ...switches]);
    if (outcome.code !== 0) throw new Error(`ethtool in ${name}: ${outcome.stderr}`);
  }
}

async function must(lab: Lab, pod: string, argv: readonly string[], stdin?: string): Promise<void> {
  const outcome = await lab.exec(pod, argv, {
    timeoutMs: 120_000,
    ...(stdin === undefined ? {} : { stdin }),
  });
  if (outcome.code !== 0)
    throw new Error(`${argv.slice(0, 4).join(" ")} in ${pod}: exit ${outcome.code}\n${outcome.stderr}`);
}
