/**
 * Flows as files, and how it goes: a file that was cut says so. What a file is like is view/file-export.ts's.
 * Loaded when somebody exports.
 */
import type { FlowRow, FlowSearchOutput } from "@millrace/contract/flow";
import { count, text } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import { showToast } from "@/ui/toast.tsx";
import { type Columns, collectRows, type ExportFormat, fileTime, saveRows } from "@/view/file-export.ts";
import { problemOf } from "@/view/problem.ts";

const EXPORT_PAGE_ROWS = 1000;

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
  proto: (r) => protocolName(r.proto),
  opener_known: (r) => String(r.openerKnown),
  verdict: (r) => r.verdict,
  drop_reason: (r) => r.dropReason,
  drops: (r) => r.drops,
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

type Page = Pick<FlowSearchOutput, "rows" | "nextCursor" | "matched">;

export async function exportFlows(
  format: ExportFormat,
  until: number,
  pages: (limit: number) => (cursor: string | null) => Promise<Page>,
): Promise<void> {
  const working = (rows: number) =>
    ({ tone: "working", text: `Collecting flows: ${text(count(rows))}` }) as const;
  const id = showToast(working(0));
  try {
    let matched = 0;
    const fetchPage = pages(EXPORT_PAGE_ROWS);
    const counted = async (cursor: string | null) => {
      const page = await fetchPage(cursor);
      matched = Math.max(matched, page.matched.count);
      return page;
    };
    const { rows, cut } = await collectRows(counted, (n) => showToast(working(n), id));
    saveRows(`flows-${fileTime(until)}`, format, FLOW_FILE, rows);
    const detail = cut
      ? `Cut at ${text(count(rows.length))} of ${text(count(matched))}: narrow the filter or the time for the rest.`
      : undefined;
    showToast({ tone: cut ? "failed" : "done", text: `${text(count(rows.length))} flows saved`, detail }, id);
  } catch (error) {
    showToast({ tone: "failed", text: "The export failed", detail: problemOf(error).title }, id);
  }
}
