/**
 * A known mix of real traffic between two pods: TCP bulk, short connections, UDP and ICMP, over IPv4 and IPv6.
 * The programs run inside the containers; this file holds them as text and starts them.
 */
import type { Lab } from "@millrace/lab/lab";
import { NODE_IN_CONTAINER } from "@millrace/lab/shop";

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
  const idle = [NODE_IN_CONTAINER, "-e", "setInterval(() => {}, 1 << 30)"];
  for (const [name, argv] of [
    ["peer", [NODE_IN_CONTAINER, "-e", PEER]],
    ["sender", idle],
  ] as const)
    await lab.addPod({
      name,
      namespace: "test",
      hostNumber: at[name],
      labels: { app: name },
      containers: [{ name, argv, restart: false }],
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
