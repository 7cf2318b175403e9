/**
 * A batch's bytes, checked to the last value: afterwards nothing in it can break a statement or point
 * outside a dictionary. That columns hold whole numbers in their types' ranges is unpacking's. A problem is an
 * answer that names column and row, never an exception. It resolves no names and writes nothing.
 */
import { BatchHead } from "@millrace/contract/batch";
import { type BatchColumns, readBatchColumns } from "@millrace/contract/batch-wire";
import { OBSERVERS, TCP_STATES, VERDICTS, WAYS } from "@millrace/contract/verdict";
import { Unpackr } from "msgpackr";
import type { z } from "zod";
import { unstorable } from "../unstorable.ts";

export type Batch = { readonly head: BatchHead } & Readonly<BatchColumns>;
export type Decoded = { ok: true; batch: Batch } | { ok: false; reason: string };

/** 2001: no agent counted before, and a clock that says so is broken. */
const EARLIEST_US = 1e15;
/** How far an agent's clock may run ahead of ours. */
export const AHEAD_US = 5 * 60 * 1e6;
const INT4_MAX = 0x7fff_ffff;

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

export function decodeBatch(bytes: Uint8Array, nowUs: number): Decoded {
  let raw: unknown;
  try {
    raw = unpackr.unpack(bytes);
  } catch (error) {
    return { ok: false, reason: `not readable as msgpack: ${(error as Error).message}` };
  }
  const read = BatchHead.safeParse(raw);
  if (!read.success) return { ok: false, reason: describe(read.error) };
  const head = read.data;
  const columns = readBatchColumns(head, raw);
  if (!columns.ok) return columns;
  const { flows, drops, translations, services } = columns;
  const batch: Batch = { head, flows, drops, translations, services };
  const reason =
    headProblem(head, nowUs) ??
    flowProblem(batch, nowUs + AHEAD_US) ??
    dropProblem(batch, nowUs + AHEAD_US) ??
    rowProblem("translations", translations.row, head.flowRows) ??
    rowProblem("services", services.row, head.flowRows) ??
    underProblem("services", { port: services.port });
  return reason === undefined ? { ok: true, batch } : { ok: false, reason };
}

/** The first problems, each with its place; a hostile batch could have thousands. */
function describe(error: z.ZodError): string {
  const told = error.issues.slice(0, 5).map((i) => `${i.path.join(".") || "batch"}: ${i.message}`);
  const more = error.issues.length - told.length;
  return more > 0 ? `${told.join("; ")}; and ${more} more` : told.join("; ");
}

function headProblem(head: BatchHead, nowUs: number): string | undefined {
  if (head.from > head.to) return `from (${head.from}) is after to (${head.to})`;
  if (head.from < EARLIEST_US) return `from (${head.from}) is no time in µs since 1970`;
  if (head.to > nowUs + AHEAD_US)
    return `to (${head.to}) is ${Math.round((head.to - nowUs) / 1e6)} s ahead of the server's clock`;
  const seen = new Set<string>();
  for (const [at, endpoint] of head.endpoints.entries()) {
    if (endpoint.workload > head.workloads.length)
      return `endpoints.${at}.workload: ${endpoint.workload} is past the ${head.workloads.length} workloads`;
    if (seen.has(endpoint.uid)) return `endpoints.${at}.uid: ${endpoint.uid} is there twice`;
    seen.add(endpoint.uid);
  }
  for (const [at, loss] of head.lost.entries()) {
    const { firstSequence: first, lastSequence: last } = loss;
    if ((first === null) !== (last === null) || (first !== null && first > (last as number)))
      return `lost.${at}: ${first} … ${last} is no range`;
  }
  return unstorable(head, "batch");
}

function flowProblem({ head, flows }: Batch, latestUs: number): string | undefined {
  return (
    overProblem("flows", {
      vlan: [flows.vlan, 4095],
      observer: [flows.observer, OBSERVERS.length - 1],
      openerKnown: [flows.openerKnown, 1],
      verdict: [flows.verdict, VERDICTS.length - 1],
      dropReason: [flows.dropReason, head.reasons.length],
      tcpState: [flows.tcpState, TCP_STATES.length - 1],
      rttUs: [flows.rttUs, INT4_MAX],
      rttMinUs: [flows.rttMinUs, INT4_MAX],
      srcWorkload: [flows.srcWorkload, head.workloads.length],
      dstWorkload: [flows.dstWorkload, head.workloads.length],
      endpoint: [flows.endpoint, head.endpoints.length - 1],
      carried: [flows.carried, 1],
      way: [flows.way, WAYS.length - 1],
      final: [flows.final, 1],
    }) ??
    lifeProblem("flows", flows.firstSeen, flows.lastSeen, latestUs) ??
    idProblem(flows.flowId)
  );
}

function dropProblem({ head, drops }: Batch, latestUs: number): string | undefined {
  return (
    overProblem("drops", {
      reason: [drops.reason, head.reasons.length],
      place: [drops.place, head.places.length],
      class: [drops.class, 1],
      direction: [drops.direction, 1],
      srcWorkload: [drops.srcWorkload, head.workloads.length],
      dstWorkload: [drops.dstWorkload, head.workloads.length],
    }) ??
    underProblem("drops", { reason: drops.reason, place: drops.place }) ??
    lifeProblem("drops", drops.firstSeen, drops.lastSeen, latestUs)
  );
}

/** Rising, so that no flow has two. */
function rowProblem(table: string, row: Uint16Array, flowRows: number): string | undefined {
  for (const [at, flow] of row.entries()) {
    if (flow >= flowRows) return `${table}.row[${at}] is ${flow}, there are ${flowRows} flows`;
    if (at > 0 && flow <= (row[at - 1] as number))
      return `${table}.row[${at}] is ${flow}, not more than the one before`;
  }
  return undefined;
}

type Small = Uint8Array | Uint16Array | Uint32Array;

function overProblem(table: string, columns: Record<string, [Small, number]>): string | undefined {
  for (const [name, [column, most]] of Object.entries(columns)) {
    for (let row = 0; row < column.length; row++)
      if ((column[row] as number) > most)
        return `${table}.${name}[${row}] is ${column[row]}, the most is ${most}`;
  }
  return undefined;
}

/** Dictionaries and ports count from 1: 0 means none, which not every column may say. */
function underProblem(table: string, columns: Record<string, Small>): string | undefined {
  for (const [name, column] of Object.entries(columns)) {
    const row = column.indexOf(0);
    if (row >= 0) return `${table}.${name}[${row}] is missing`;
  }
  return undefined;
}

function lifeProblem(
  table: string,
  first: Float64Array,
  last: Float64Array,
  latestUs: number,
): string | undefined {
  for (let row = 0; row < first.length; row++) {
    const from = first[row] as number;
    const to = last[row] as number;
    if (from < EARLIEST_US) return `${table}.firstSeen[${row}] is ${from}, not a time in µs since 1970`;
    if (to < from || to > latestUs)
      return `${table}.lastSeen[${row}] is ${to}, not a time between firstSeen (${from}) and now`;
  }
  return undefined;
}

/** What the API will call a UUID: version 1 … 8, variant 10. */
function idProblem(ids: Uint8Array): string | undefined {
  for (let at = 0; at < ids.length; at += 16) {
    const version = (ids[at + 6] as number) >> 4;
    if (version < 1 || version > 8 || ((ids[at + 8] as number) & 0xc0) !== 0x80)
      return `flows.flowId[${at / 16}] is no UUID`;
  }
  return undefined;
}
