/** The audit as a file, in full: who looks into an incident takes it along. Loaded when somebody exports. */
import type { AuditEntry } from "@millrace/contract/setting";
import { count, text } from "@millrace/contract/units";
import { showToast } from "@/ui/toast.tsx";
import { type Columns, collectRows, type ExportFormat, fileTime, saveRows } from "@/view/file-export.ts";
import { problemOf } from "@/view/problem.ts";

export const AUDIT_PAGE_ROWS = 500;

export const AUDIT_FILE: Columns<AuditEntry> = {
  id: (e) => e.id,
  at: (e) => new Date(e.at).toISOString(),
  author: (e) => e.author,
  via: (e) => e.via,
  action: (e) => e.action,
  target: (e) => e.target,
  outcome: (e) => e.outcome,
  detail: (e) => JSON.stringify(e.detail),
};

type Page = { entries: AuditEntry[]; nextCursor: string | null };

export async function exportAudit(
  format: ExportFormat,
  now: number,
  fetchPage: (cursor: string | null) => Promise<Page>,
): Promise<void> {
  const working = (rows: number) =>
    ({ tone: "working", text: `Collecting entries: ${text(count(rows))}` }) as const;
  const id = showToast(working(0));
  try {
    const rowsOf = async (cursor: string | null) => {
      const { entries, nextCursor } = await fetchPage(cursor);
      return { rows: entries, nextCursor };
    };
    const { rows, cut } = await collectRows(rowsOf, (n) => showToast(working(n), id));
    saveRows(`audit-${fileTime(now)}`, format, AUDIT_FILE, rows);
    const detail = cut ? "Cut at the newest: narrow it by who and action for the rest." : undefined;
    showToast(
      { tone: cut ? "failed" : "done", text: `${text(count(rows.length))} entries saved`, detail },
      id,
    );
  } catch (error) {
    showToast({ tone: "failed", text: "The export failed", detail: problemOf(error).title }, id);
  }
}
