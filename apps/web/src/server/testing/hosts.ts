/** Hosts whose agents have just spoken, as the agent gateway would have stored them. Test material. */
import { type Heartbeat, type HelloInput, PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import type { Underlay } from "@millrace/contract/network";
import { pool } from "../db.ts";
import { insertHost } from "./telemetry-rows.ts";

export const INCARNATION = "018f0000-0000-7000-8000-00000000000a";

export const aHello = (over: Partial<HelloInput> = {}): HelloInput => ({
  protocol: PROTOCOL_VERSION,
  abiHash: "abc",
  agentVersion: "0.1.0",
  incarnation: INCARNATION as HelloInput["incarnation"],
  bootId: "boot",
  kernel: "6.18.0",
  architecture: "x64",
  cpus: 2,
  memoryBytes: 4e9,
  mode: "observe",
  simulated: false,
  capabilities: [{ name: "tracing", supported: true, reason: null }],
  ...over,
});

export const aPod = (over: Partial<Heartbeat["pods"][number]> = {}): Heartbeat["pods"][number] => ({
  ...{ uid: "u1", namespace: "shop", pod: "web-1", runtime: "runc", netnsCookie: "1", state: "covered" },
  ...{ reason: null, interfaces: ["eth0"], addresses: ["10.0.0.1"], labels: {}, service: "web" },
  containers: [{ id: "c1", name: "app", pid: 1, image: null, startedAtMs: null }],
  ...over,
});

export const aHeartbeat = (over: Partial<Heartbeat> = {}): Heartbeat => ({
  incarnation: INCARNATION as Heartbeat["incarnation"],
  ...{ uptimeS: 100, cpuShare: 0.01, residentBytes: 90e6, programs: [], gaps: [], counters: {} },
  maps: [{ name: "flows", type: "hash", used: 100, capacity: 1000, bytes: 1e6 }],
  pods: [aPod()],
  spool: { batches: 0, bytes: 0, limitBytes: 1e8, oldestMs: null },
  network: null,
  flowTable: null,
  ...over,
});

export const anUnderlay = (over: Partial<Underlay> = {}): Underlay => ({
  ...{ uplink4: "192.0.2.1", uplink6: null, mac: "02:00:00:00:00:01", mtu: 1500, vtepPort: 4789 },
  ...over,
});

/** Online until `silentS` is more than a few heartbeats. */
export async function onlineHost(name: string, hello = aHello(), heartbeat = aHeartbeat()): Promise<number> {
  const id = await insertHost(name);
  await pool().query(
    "update hosts set hello = $2, hello_at = now(), heartbeat = $3, heartbeat_at = now() where id = $1",
    [id, JSON.stringify(hello), JSON.stringify(heartbeat)],
  );
  await pool().query("insert into incarnations (host_id, id, agent_version) values ($1, $2, '0.1.0')", [
    id,
    INCARNATION,
  ]);
  return id;
}
export async function silence(hostId: number, seconds: number): Promise<void> {
  await pool().query("update hosts set heartbeat_at = now() - $2 * interval '1 s' where id = $1", [
    hostId,
    seconds,
  ]);
  await pool().query(
    "update blocks set last_confirmed_at = least(last_confirmed_at, now() - $2 * interval '1 s') where host_id = $1",
    [hostId, seconds],
  );
}
