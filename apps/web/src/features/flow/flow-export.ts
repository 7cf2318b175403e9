/**
 * Flows as files: CSV for spreadsheets, JSON for programs. Pages are fetched until all is there or the limit
 * is reached, and a file that was cut says so. Loaded when somebody exports.
 */
import type { FlowRow, FlowSearchOutput } from "@millrace/contract/flow";
import { count, text } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";

export type ExportFormat = "csv" | "json";
/** The menu names it too. */
export const EXPORT_ROWS_MAX = 50_000;
const EXPORT_PAGE_ROWS = 1000;

type Cell = string | number | null;
const COLUMNS: Record<string, (row: FlowRow) => Cell> = {
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

/** Names come from containers: a spreadsheet must not take one for a formula. */
export function csvCell(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function toCsv(rows: readonly FlowRow[]): string {
  const lines = [Object.keys(COLUMNS).join(",")];
  for (const row of rows)
    lines.push(
      Object.values(COLUMNS)
        .map((of) => csvCell(of(row)))
        .join(","),
    );
  return `${lines.join("\r\n")}\r\n`;
}

export type Collected = { rows: FlowRow[]; cut: boolean; matched: number };

export async function collectRows(
  fetchPage: (cursor: string | null) => Promise<Page>,
  onProgress: (rows: number) => void,
  limit = EXPORT_ROWS_MAX,
): Promise<Collected> {
  const rows: FlowRow[] = [];
  let cursor: string | null = null;
  let matched = 0;
  do {
    const page: Page = await fetchPage(cursor);
    rows.push(...page.rows);
    cursor = page.nextCursor;
    matched = Math.max(matched, page.matched.count);
    onProgress(rows.length);
  } while (cursor !== null && rows.length < limit);
  return { rows: rows.slice(0, limit), cut: cursor !== null || rows.length > limit, matched };
}

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
    const { rows, cut, matched } = await collectRows(pages(EXPORT_PAGE_ROWS), (n) =>
      showToast(working(n), id),
    );
    const name = `flows-${new Date(until).toISOString().slice(0, 19).replaceAll(":", "")}.${format}`;
    if (format === "csv") save(name, "text/csv", toCsv(rows));
    else save(name, "application/json", JSON.stringify(rows, null, 1));
    const detail = cut
      ? `Cut at ${text(count(rows.length))} of ${text(count(matched))}: narrow the filter or the time for the rest.`
      : undefined;
    showToast({ tone: cut ? "failed" : "done", text: `${text(count(rows.length))} flows saved`, detail }, id);
  } catch (error) {
    showToast({ tone: "failed", text: "The export failed", detail: problemOf(error).title }, id);
  }
}

function save(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
