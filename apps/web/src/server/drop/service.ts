/** Drops grouped by why, where and on which host: how many, since when, how it went, between whom. */
import type { DropGroup, DropSummary, DropSummaryInput } from "@millrace/contract/drop";
import { AppError } from "@millrace/contract/error";
import type { z } from "zod";
import { type Buckets, bucketsOf } from "../bucket.ts";
import { dropCondition } from "../flow/service.ts";
import { completenessFor, findGaps } from "../host/service.ts";
import { microseconds, type Statement, timestamp, Values } from "../sql.ts";
import { type Names, namesFor } from "../workload/service.ts";
import * as repo from "./repo.ts";

type Input = z.infer<typeof DropSummaryInput>;
/** A sparkline's worth. */
const MOST_BUCKETS = 60;
const MOST_ENDPOINTS = 8;
const LOSS = 0;

export async function summarizeDrops(input: Input): Promise<DropSummary> {
  const cut = bucketsOf(input.range, MOST_BUCKETS);
  const [groups, endpoints, completeness, gaps] = await Promise.all([
    repo.findGroups(groupStatement(input, cut)),
    repo.findEndpoints(endpointStatement(input)),
    completenessFor(input.range),
    findGaps(cut),
  ]);
  const names = await namesFor({
    hosts: groups.map((row) => row.hostId),
    reasons: groups.map((row) => row.reasonId),
    places: groups.map((row) => row.placeId),
  });
  return {
    bucketMs: cut.bucketMs,
    from: cut.fromMs,
    gaps,
    groups: joined(groups, endpoints, emptyLine(cut, gaps), names),
    completeness,
  };
}

export async function getDropGroup(
  input: Input & { reason: string; place: string; host: string },
): Promise<DropGroup> {
  const { groups } = await summarizeDrops({ ...input, ordinary: true });
  const found = groups.find(
    (g) => g.reason === input.reason && g.place === input.place && g.host === input.host,
  );
  if (found) return found;
  const publicMessage = `No drops ${input.reason} at ${input.place} on ${input.host} in this range`;
  throw new AppError("NOT_FOUND", publicMessage, { publicMessage });
}

const keyOf = (row: { reasonId: number; placeId: number; hostId: number }): string =>
  `${row.reasonId} ${row.placeId} ${row.hostId}`;

type Line = DropGroup["line"];
function emptyLine({ fromMs, bucketMs, count }: Buckets, gaps: DropSummary["gaps"]): Line {
  const isSilent = (at: number) => gaps.some((gap) => gap.from <= at && at < gap.to);
  return Array.from({ length: count }, (_, i) => (isSilent(fromMs + i * bucketMs) ? null : 0));
}

/** Most packets first. */
function joined(rows: repo.GroupRow[], ends: repo.EndpointRow[], line: Line, names: Names): DropGroup[] {
  const groups = new Map<string, DropGroup>();
  for (const row of rows) {
    const group = groups.get(keyOf(row)) ?? emptyGroup(row, line, names);
    groups.set(keyOf(row), group);
    group.packets += row.packets;
    group.bytes += row.bytes;
    group.firstSeen = Math.min(group.firstSeen, row.firstSeen);
    group.lastSeen = Math.max(group.lastSeen, row.lastSeen);
    if (row.bucket in group.line) group.line[row.bucket] = (group.line[row.bucket] ?? 0) + row.packets;
  }
  for (const { reasonId, placeId, hostId, ...end } of ends)
    groups.get(keyOf({ reasonId, placeId, hostId }))?.endpoints.push(end);
  return [...groups.values()].sort((a, b) => b.packets - a.packets);
}

const emptyGroup = (row: repo.GroupRow, line: Line, names: Names): DropGroup => ({
  reason: names.reason(row.reasonId) ?? `reason ${row.reasonId}`,
  class: row.class === LOSS ? "loss" : "ordinary",
  place: names.place(row.placeId) ?? `place ${row.placeId}`,
  host: names.host(row.hostId)?.name ?? `host ${row.hostId}`,
  ...{ packets: 0, bytes: 0, firstSeen: row.firstSeen, lastSeen: row.lastSeen },
  line: [...line],
  endpoints: [],
});

function where(input: Input, values: Values): string {
  const [from, to] = [input.range.from, input.range.to].map((ms) => values.add(timestamp(ms * 1000)));
  const ordinary = input.ordinary ? "" : `and d.class = ${LOSS}`;
  return `d.ts >= ${from} and d.ts < ${to} ${ordinary} and ${dropCondition(input.filter, values)}`;
}

const milliseconds = (column: string): string => `floor(${microseconds(column)} / 1000)`;

function groupStatement(input: Input, cut: Buckets): Statement {
  const values = new Values();
  const [from, width] = [values.add(cut.fromMs, "float8"), values.add(cut.bucketMs, "float8")];
  const text = `
    select d.reason_id as "reasonId", d.place_id as "placeId", d.host_id as "hostId", min(d.class)::int as class,
      floor((extract(epoch from d.ts)::float8 * 1000 - ${from}) / ${width})::int as bucket,
      sum(d.packets)::float8 as packets, sum(d.bytes)::float8 as bytes,
      ${milliseconds("min(d.first_seen)")} as "firstSeen", ${milliseconds("max(d.last_seen)")} as "lastSeen"
    from drop_updates d where ${where(input, values)} group by 1, 2, 3, 5`;
  return { text, values: values.list };
}

function endpointStatement(input: Input): Statement {
  const values = new Values();
  const text = `
    select e."reasonId", e."placeId", e."hostId", host(e.src) as src, host(e.dst) as dst, e."dstPort", e.proto,
      e.packets, s.service as "srcService", t.service as "dstService"
    from (
      select d.reason_id as "reasonId", d.place_id as "placeId", d.host_id as "hostId", d.src, d.dst,
        d.dst_port as "dstPort", d.proto, max(d.src_workload) as "from", max(d.dst_workload) as "to",
        sum(d.packets)::float8 as packets,
        row_number() over (partition by d.reason_id, d.place_id, d.host_id order by sum(d.packets) desc) as place
      from drop_updates d where ${where(input, values)} group by 1, 2, 3, 4, 5, 6, 7) e
    left join workloads s on s.id = e."from" left join workloads t on t.id = e."to"
    where e.place <= ${MOST_ENDPOINTS} order by e.packets desc`;
  return { text, values: values.list };
}
