/**
 * The endpoints a batch speaks of: their ids, and what the fleet's addresses learn from them. Written in
 * statements of their own, before the batch's transaction (see names.ts), and not for every batch: an
 * unchanged endpoint's "last seen" is written every ten seconds.
 */
import type { BatchHead, EndpointReport } from "@millrace/contract/batch";
import { AppError } from "@millrace/contract/error";
import type { Queryable } from "../db.ts";
import { Lru } from "../lru.ts";
import { keyOf } from "./address.ts";
import type { FleetAddresses } from "./fleet-addresses.ts";
import type { Budget } from "./names.ts";
import { type RollupName, rollupName } from "./rollup-name.ts";

const WRITE_EVERY_US = 10e6;
const MOST_CACHED = 200_000;
/** Addresses longest silent are not read back at start: a pod that old has gone or is met again soon. */
const KNOWN_FOR = "1 day";
const NAMELESS: RollupName = { kind: "other", name: "other" };

type Written = { id: number; uid: string };
const RECORDS = "as r (uid text, workload int, interface text, addresses jsonb)";
const ADDRESSES = "array(select jsonb_array_elements_text(r.addresses))";
/** Updated first and inserted then: an upsert would use up an id each time. */
const UPDATE = `update endpoints e set interface = r.interface, addresses = ${ADDRESSES},
    workload_id = coalesce(r.workload, e.workload_id),
    last_seen = greatest(e.last_seen, to_timestamp($2::float8 / 1e6))
  from jsonb_to_recordset($3::jsonb) ${RECORDS}
  where e.host_id = $1 and e.uid = r.uid returning e.id, e.uid`;
const INSERT = `insert into endpoints (host_id, uid, workload_id, interface, addresses, first_seen, last_seen)
  select $1, r.uid, r.workload, r.interface, ${ADDRESSES},
    to_timestamp($2::float8 / 1e6), to_timestamp($3::float8 / 1e6)
  from jsonb_to_recordset($4::jsonb) ${RECORDS} order by r.uid
  on conflict (host_id, uid) do update set last_seen = excluded.last_seen returning id, uid`;

type Known = { id: number; content: string; writtenUs: number };
export type Reporter = { readonly hostId: number; readonly hostName: string };

export class Endpoints {
  readonly #db: Queryable;
  readonly #fleet: FleetAddresses;
  readonly #known = new Lru<string, Known>(MOST_CACHED);

  constructor(db: Queryable, fleet: FleetAddresses) {
    this.#db = db;
    this.#fleet = fleet;
  }

  /** The ids in the batch's order. `workloadIds` is by the batch's dictionary, 0 for unnamed. */
  async ids(
    from: Reporter,
    head: BatchHead,
    workloadIds: readonly number[],
    budget: Budget,
  ): Promise<number[]> {
    const keys = head.endpoints.map((e) => `${from.hostId}\n${e.uid}`);
    const contents = head.endpoints.map((e) => contentOf(e, workloadIds[e.workload - 1] ?? 0));
    const due = head.endpoints.flatMap((_, at) => {
      const known = this.#known.get(keys[at] as string);
      const fresh = known && known.content === contents[at] && head.to - known.writtenUs < WRITE_EVERY_US;
      return fresh ? [] : [at];
    });
    const unknown = due.filter((at) => !this.#known.get(keys[at] as string)).length;
    if (budget.take(unknown) < unknown)
      throw new AppError("BUSY", `host ${from.hostName} reports too many new endpoints in one hour`);
    const written = await this.#write(from, head, workloadIds, due);
    for (const at of due) {
      const id = written.get((head.endpoints[at] as EndpointReport).uid) as number;
      this.#known.set(keys[at] as string, { id, content: contents[at] as string, writtenUs: head.to });
    }
    const ids = keys.map((key) => (this.#known.get(key) as Known).id);
    this.#tell(from, head, workloadIds, ids);
    return ids;
  }

  async #write(
    from: Reporter,
    head: BatchHead,
    workloadIds: readonly number[],
    due: readonly number[],
  ): Promise<Map<string, number>> {
    if (due.length === 0) return new Map();
    const rows = due.map((at) => {
      const e = head.endpoints[at] as EndpointReport;
      const workload = workloadIds[e.workload - 1] || null;
      return { uid: e.uid, workload, interface: e.interface, addresses: e.addresses };
    });
    const values = [from.hostId, head.from, head.to];
    const updated = await this.#db.query<Written>(UPDATE, [from.hostId, head.to, JSON.stringify(rows)]);
    const written = new Map(updated.rows.map((row) => [row.uid, row.id]));
    const missing = rows.filter((row) => !written.has(row.uid));
    if (missing.length === 0) return written;
    // Another process may have made one meanwhile: that id is as good.
    const made = await this.#db.query<Written>(INSERT, [...values, JSON.stringify(missing)]);
    for (const row of made.rows) written.set(row.uid, row.id);
    return written;
  }

  #tell(from: Reporter, head: BatchHead, workloadIds: readonly number[], ids: readonly number[]): void {
    for (const [at, endpoint] of head.endpoints.entries()) {
      const id = ids[at] as number;
      const workload = head.workloads[endpoint.workload - 1];
      this.#fleet.set({
        id,
        hostId: from.hostId,
        workloadId: workloadIds[endpoint.workload - 1] || null,
        name: (workload && rollupName(workload, from.hostName)) ?? NAMELESS,
        addresses: endpoint.addresses.flatMap((text) => keyOf(text) ?? []),
        firstUs: head.from,
        lastUs: head.to,
      });
    }
  }

  /** They are there, though they may have nothing to report: silence is no traffic, not no report. */
  async touch(ids: readonly number[], atUs: number): Promise<void> {
    if (ids.length === 0) return;
    await this.#db.query(
      `update endpoints set last_seen = to_timestamp($2::float8 / 1e6)
       where id = any($1::int4[]) and last_seen < to_timestamp($2::float8 / 1e6) - interval '30 seconds'`,
      [ids, atUs],
    );
  }

  /** Fills the fleet's addresses with what other ingest processes, and this one's last life, were told. */
  async load(): Promise<void> {
    const { rows } = await this.#db.query<StoredEndpoint>(
      `select e.id, e.host_id, e.workload_id, e.addresses, h.name as host, w.kind, w.namespace, w.pod, w.service,
         (extract(epoch from e.first_seen) * 1e6)::float8 as first_us,
         (extract(epoch from e.last_seen) * 1e6)::float8 as last_us
       from endpoints e join hosts h on h.id = e.host_id left join workloads w on w.id = e.workload_id
       where e.last_seen > now() - interval '${KNOWN_FOR}' and h.revoked_at is null
       order by e.last_seen desc limit ${MOST_CACHED}`,
    );
    // The longest silent first: what comes last is what goes last where there isn't room for all.
    for (const row of rows.reverse()) this.#fleet.set(asFleetEndpoint(row));
  }

  /** An endpoint that was deleted from the table is made anew when it is met again. */
  forget(hostId: number, uid: string): void {
    const key = `${hostId}\n${uid}`;
    const known = this.#known.get(key);
    if (known) this.#fleet.remove(known.id);
    this.#known.delete(key);
  }
}

type StoredEndpoint = {
  id: number;
  host_id: number;
  workload_id: number | null;
  addresses: string[];
  host: string;
  kind: "pod" | "host" | "external" | null;
  namespace: string | null;
  pod: string | null;
  service: string | null;
  first_us: number;
  last_us: number;
};

function asFleetEndpoint(row: StoredEndpoint) {
  const { kind, namespace, pod, service } = row;
  return {
    id: row.id,
    hostId: row.host_id,
    workloadId: row.workload_id,
    name: (kind && rollupName({ kind, namespace, pod, service }, row.host)) ?? NAMELESS,
    addresses: row.addresses.flatMap((text) => keyOf(text) ?? []),
    firstUs: row.first_us,
    lastUs: row.last_us,
  };
}

const contentOf = (e: EndpointReport, workloadId: number): string =>
  `${workloadId}\n${e.interface}\n${e.addresses.join(" ")}`;
