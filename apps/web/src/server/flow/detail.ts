/** The drawer: one flow with each observer's account, its life in buckets, and the drops its packets met. */
import { AppError } from "@millrace/contract/error";
import type { FlowDetail, TimeRange } from "@millrace/contract/flow";
import type { Milliseconds } from "@millrace/contract/ids";
import { systemClock } from "../clock.ts";
import { microseconds, timestamp } from "../sql.ts";
import { namesFor } from "../workload/service.ts";
import { type Pair, pairMembers, seeksNat } from "./pair.ts";
import * as repo from "./repo.ts";
import { rowOf, wantedBy } from "./row.ts";

const MINUTE_US = 60_000_000;
const DAY_MS = 86_400_000;
const DAY_US = DAY_MS * 1000;
/** A life of an hour in half minutes. */
const MOST_BUCKETS = 120;

export async function getFlow(input: { id: string; range?: TimeRange | undefined }): Promise<FlowDetail> {
  const span = input.range
    ? { fromUs: input.range.from * 1000, toUs: input.range.to * 1000 }
    : lifeOf(input.id);
  const pair = await findPair(input.id, span);
  if (!pair) {
    const publicMessage = "This flow isn't stored, or not any more";
    throw new AppError("NOT_FOUND", `no flow ${input.id} in the range`, { publicMessage });
  }
  const members = pair.other ? [pair.primary, pair.other] : [pair.primary];
  const names = await namesFor(wantedBy(members));
  const [series, drops] = await Promise.all([findSeries(pair, span), findDrops(pair)]);
  const alone = members.map((primary) => rowOf({ primary, other: null, join: "single" }, names));
  return { row: rowOf(pair, names), observers: alone, series, drops };
}

/** A flow id begins with the millisecond of its first packet; a clock may have been a little off. */
function lifeOf(id: string): repo.Span {
  const toUs = (systemClock.now() + DAY_MS) * 1000;
  const firstUs = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16) * 1000;
  // Any UUID may be asked for: one that begins in the future is looked for everywhere.
  return { fromUs: firstUs < toUs ? Math.max(0, firstUs - MINUTE_US) : 0, toUs };
}

async function findPair(id: string, span: repo.Span): Promise<Pair | undefined> {
  const found = await repo.findFlow(id, span);
  if (!found) return undefined;
  return repo.readSnapshot(async (on) => {
    const all: repo.Condition = () => "true";
    const query = { pairKey: found.pairKey, sinceUs: Math.max(span.fromUs, found.sinceUs - DAY_US) };
    const members = await repo.findMembers(on, [query], span, all);
    const own = pairMembers(members).find((pair) => hasFlow(pair, id));
    if (!own || !seeksNat(own)) return own;
    const opened = own.primary.firstSeenUs;
    const near = { fromUs: opened - MINUTE_US, toUs: opened + MINUTE_US };
    const across = await repo.findByOpening(on, [own.primary.isn], near, all);
    const keys = [...new Set(across.map((m) => m.pairKey))].map((pairKey) => ({
      pairKey,
      sinceUs: span.fromUs,
    }));
    const whole = await repo.findMembers(on, keys, span, all);
    return pairMembers(whole.length > 0 ? whole : members).find((pair) => hasFlow(pair, id));
  });
}
const hasFlow = (pair: Pair, id: string): boolean => pair.primary.flowId === id || pair.other?.flowId === id;

type SeriesRow = FlowDetail["series"][number];

async function findSeries({ primary, other }: Pair, span: repo.Span): Promise<SeriesRow[]> {
  const lives = [primary, ...(other ? [other] : [])];
  const fromUs = Math.max(span.fromUs, Math.min(...lives.map((m) => m.firstSeenUs)));
  const toUs = Math.max(...lives.map((m) => m.keyUs ?? m.lastSeenUs)) + 1;
  const widthS = Math.max(1, Math.ceil((toUs - fromUs) / 1e6 / MOST_BUCKETS));
  const rows = await repo.rowsOf<SeriesRow>({
    text: `
      select (floor(extract(epoch from ts) / $3) * $3)::float8 * 1000 as at,
        coalesce(sum(fwd_bytes) filter (where flow_id = $1), 0)::float8 as "forwardBytes",
        coalesce(sum(rev_bytes) filter (where flow_id = $1), 0)::float8 as "reverseBytes",
        avg(rtt_us) filter (where flow_id = $1)::float8 as "rttUs",
        sum(retransmits)::float8 as retransmits, sum(drops)::float8 as drops
      from flow_updates where flow_id = any(array[$1, $2]::uuid[]) and ts >= $4 and ts < $5
      group by 1 order by 1`,
    values: [
      ...[primary.flowId, other?.flowId ?? primary.flowId, widthS],
      ...[timestamp(Math.max(span.fromUs, fromUs - MINUTE_US)), timestamp(toUs)],
    ],
  });
  return rows.map((row) => ({ ...row, at: Math.floor(row.at) as Milliseconds }));
}

type DropRow = FlowDetail["drops"][number];

/** Drops of this tuple and of what a NAT makes of it, in either direction, while the flow lived. */
async function findDrops({ primary, other }: Pair): Promise<DropRow[]> {
  const { proto } = primary;
  const forms = [primary, primary.nat, other, other?.nat].flatMap((form) => form ?? []);
  return repo.rowsOf<DropRow>({
    text: `
      select r.name as reason, p.name as place, sum(d.packets)::float8 as packets,
        floor(${microseconds("min(d.first_seen)")} / 1000) as "firstSeen",
        floor(${microseconds("max(d.last_seen)")} / 1000) as "lastSeen"
      from drop_updates d join drop_reasons r on r.id = d.reason_id join drop_places p on p.id = d.place_id
      where d.ts >= $6 and d.ts <= $7 and d.proto = $5 and exists (
        select from unnest($1::inet[], $2::inet[], $3::int[], $4::int[]) as f (src, dst, src_port, dst_port)
        where (d.src = f.src and d.dst = f.dst and d.src_port = f.src_port and d.dst_port = f.dst_port)
          or (d.src = f.dst and d.dst = f.src and d.src_port = f.dst_port and d.dst_port = f.src_port))
      group by 1, 2 order by 3 desc limit 50`,
    values: [
      ...[forms.map((f) => f.src), forms.map((f) => f.dst), forms.map((f) => f.srcPort)],
      ...[forms.map((f) => f.dstPort), proto],
      ...[
        timestamp(primary.firstSeenUs - 1_000_000),
        timestamp((primary.keyUs ?? primary.lastSeenUs) + 5_000_000),
      ],
    ],
  });
}
