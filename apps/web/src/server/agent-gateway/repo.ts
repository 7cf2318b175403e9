/** hosts and enrol_tokens as agents change them: enrolment, hello, heartbeat. Only hashes of secrets are here. */
import type { Heartbeat, HelloInput } from "@millrace/contract/agent-protocol";
import { type Connection, pool, type Queryable, transaction } from "../db.ts";

export type Transaction = Connection;
export const transact = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => transaction(work);

export type EnrolToken = { hostName: string | null };

/** Takes the token, once, whoever else tries at the same time. undefined: not there, used, or too old. */
export async function takeToken(tx: Connection, hash: string, host: string): Promise<EnrolToken | undefined> {
  const { rows } = await tx.query<EnrolToken>(
    `update enrol_tokens set used_at = now(), used_by_host = $2
     where hash = $1 and used_at is null and expires_at > now() and (host_name is null or host_name = $2)
     returning host_name as "hostName"`,
    [hash, host],
  );
  return rows[0];
}

/** The host that this token enrolled, while its answer may still be asked for again. */
export async function findEnrolled(
  tx: Connection,
  hash: string,
  host: string,
  withinS: number,
): Promise<{ id: number; hash: string } | undefined> {
  const { rows } = await tx.query<{ id: number; hash: string }>(
    `select h.id, h.credential_hash as hash from enrol_tokens t join hosts h on h.name = t.used_by_host
     where t.hash = $1 and h.name = $2 and h.revoked_at is null and t.used_at > now() - make_interval(secs => $3)`,
    [hash, host, withinS],
  );
  return rows[0];
}

export async function insertHost(tx: Connection, name: string): Promise<number | undefined> {
  const { rows } = await tx.query<{ id: number }>(
    "insert into hosts (name, credential_hash) values ($1, '') on conflict (name) do nothing returning id",
    [name],
  );
  return rows[0]?.id;
}
export async function lockHost(
  tx: Connection,
  name: string,
): Promise<{ id: number; revoked: boolean } | undefined> {
  const { rows } = await tx.query<{ id: number; revoked: boolean }>(
    "select id, revoked_at is not null as revoked from hosts where name = $1 for update",
    [name],
  );
  return rows[0];
}
export async function setCredential(tx: Connection, hostId: number, hash: string): Promise<void> {
  await tx.query(
    "update hosts set credential_hash = $2, enrolled_at = now(), revoked_at = null where id = $1",
    [hostId, hash],
  );
}
export async function insertAudit(tx: Queryable, host: string, detail: object): Promise<void> {
  await tx.query(
    `insert into audit_entries (author, via, action, target, detail, outcome)
     values ($1, 'enrol token', 'agents.enrol', $2, $3, 'done')`,
    [`agent of ${host}`, host, JSON.stringify(detail)],
  );
}

export type Credential = { name: string; hash: string; revoked: boolean };
export async function findCredential(hostId: number): Promise<Credential | undefined> {
  const { rows } = await pool().query<Credential>(
    `select name, credential_hash as hash, revoked_at is not null as revoked from hosts where id = $1`,
    [hostId],
  );
  return rows[0];
}

/** One life of the agent's spool begins, or goes on. */
export async function saveHello(hostId: number, hello: HelloInput): Promise<void> {
  await pool().query("update hosts set hello = $2, hello_at = now(), incompatible = null where id = $1", [
    hostId,
    JSON.stringify(hello),
  ]);
  await pool().query(
    `insert into incarnations (host_id, id, agent_version) values ($1, $2, $3)
     on conflict (host_id, id) do update set agent_version = excluded.agent_version`,
    [hostId, hello.incarnation, hello.agentVersion],
  );
}
export async function saveIncompatible(hostId: number, why: string): Promise<void> {
  await pool().query("update hosts set incompatible = $2, hello_at = now() where id = $1", [hostId, why]);
}
/** As the last word, and as one of those that the host's charts are drawn from. An agent may say any number. */
export async function saveHeartbeat(hostId: number, heartbeat: Heartbeat): Promise<void> {
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  await pool().query(
    `with host as (update hosts set heartbeat = $2, heartbeat_at = now() where id = $1 returning id)
     insert into agent_usage as u (host_id, at, heartbeats, cpu_share, resident_bytes)
     select id, date_bin('${USAGE_S} s', now(), 'epoch'), 1, $3::float8, $4::bigint from host
     on conflict (host_id, at) do update set heartbeats = u.heartbeats + 1,
       cpu_share = (u.cpu_share * u.heartbeats + excluded.cpu_share) / (u.heartbeats + 1),
       resident_bytes = greatest(u.resident_bytes, excluded.resident_bytes)`,
    [
      ...[hostId, JSON.stringify(heartbeat), within(heartbeat.cpuShare, MOST_CPUS)],
      Math.round(within(heartbeat.residentBytes, Number.MAX_SAFE_INTEGER)),
    ],
  );
}
/** As wide as the finest bucket of a chart. */
const USAGE_S = 10;
const MOST_CPUS = 100_000;
