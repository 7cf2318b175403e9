/**
 * Flows as files, and what a file of them may lack. How it goes is view/export-run's, what a file is like
 * view/file-export's. Loaded when somebody exports.
 */
import { askedName } from "@millrace/contract/asked-service";
import type { FlowRow, FlowSearchOutput } from "@millrace/contract/flow";
import { ruleText } from "@millrace/contract/rule-number";
import { count, percent, text } from "@millrace/contract/units";
import { pathTierOf, protocolName } from "@millrace/contract/verdict";
import { fullText } from "@/ui/instant.ts";
import { WHOLE_SHARE } from "@/view/completeness-store.ts";
import type { Export } from "@/view/export-run.ts";
import { type Collected, type Columns, fileTime } from "@/view/file-export.ts";
import { type FlowQuestion, historyInput } from "./history-input.ts";

const PAGE_ROWS = 1000;

export const FLOW_FILE: Columns<FlowRow> = {
  id: (r) => r.id,
  first_seen: (r) => new Date(r.firstSeen).toISOString(),
  last_seen: (r) => new Date(r.lastSeen).toISOString(),
  src_ip: (r) => r.src.ip,
  src_port: (r) => r.src.port,
  src_namespace: (r) => r.src.namespace,
  src_pod: (r) => r.src.pod,
  src_service: (r) => r.src.service,
  dst_ip: (r) => r.dst.ip,
  dst_port: (r) => r.dst.port,
  dst_namespace: (r) => r.dst.namespace,
  dst_pod: (r) => r.dst.pod,
  dst_service: (r) => r.dst.service,
  asked_ip: (r) => r.asked?.ip ?? null,
  asked_port: (r) => r.asked?.port ?? null,
  asked_service: (r) => r.asked && askedName(r.asked),
  proto: (r) => protocolName(r.proto),
  opener_known: (r) => String(r.openerKnown),
  verdict: (r) => r.verdict,
  drop_reason: (r) => r.dropReason,
  drops: (r) => r.drops,
  rules: (r) => r.rules.map(ruleText).join(" "),
  rule_revisions: (r) => r.rules.map(({ revision }) => revision).join(" "),
  way: (r) => r.way,
  path_tier: (r) => r.pathTiers && pathTierOf(r.pathTiers),
  slow_packets: (r) => r.pathTiers?.slow ?? null,
  fast_packets: (r) => r.pathTiers?.fast ?? null,
  tcp_state: (r) => r.tcpState,
  forward_packets: (r) => r.forward.packets,
  forward_bytes: (r) => r.forward.bytes,
  reverse_packets: (r) => r.reverse.packets,
  reverse_bytes: (r) => r.reverse.bytes,
  rtt_us: (r) => r.rttUs,
  retransmits: (r) => r.retransmits,
  observers: (r) => r.observers.map((o) => o.host).join(" "),
  simulated: (r) => String(r.simulated),
};

type Ask = ReturnType<typeof historyInput> & { cursor: string | null };
type Answer = Pick<FlowSearchOutput, "rows" | "nextCursor" | "matched" | "orderedFrom" | "completeness">;
type Search = (ask: Ask, signal: AbortSignal) => Promise<Answer>;

export function flowExport(question: FlowQuestion, search: Search): Export<FlowRow> {
  const input = { ...historyInput(question), limit: PAGE_ROWS };
  let first: Answer | null = null;
  return {
    name: `flows-${fileTime(input.range.to)}`,
    columns: FLOW_FILE,
    fetchPage: async (cursor, signal) => {
      const page = await search({ ...input, cursor }, signal);
      first ??= page;
      return page;
    },
    missing: (got) => first && missing(got, first),
  };
}

/** Every reason, since each is mended by something else. */
function missing({ rows, cut }: Collected<FlowRow>, first: Answer): string | null {
  const { matched, orderedFrom, completeness } = first;
  const reasons: string[] = [];
  if (cut) {
    const all = `${matched.capped ? "at least " : ""}${text(count(Math.max(matched.count, rows.length)))}`;
    reasons.push(`Cut at ${text(count(rows.length))} of ${all}: narrow the filter or the time for the rest.`);
  }
  if (orderedFrom !== null)
    reasons.push(
      `Only since ${fullText(orderedFrom)}: the time is too long to be put in this order. Order by last seen for all of it.`,
    );
  if (completeness.share < WHOLE_SHARE)
    reasons.push(`${text(percent(completeness.share))} of what hosts should have reported had come.`);
  return reasons.join(" ") || null;
}
