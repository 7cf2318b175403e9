/** The audit as a file, in full: who looks into an incident takes it along. Loaded when somebody exports. */
import type { AuditEntry } from "@millrace/contract/setting";
import type { Export } from "@/view/export-run.ts";
import { type Columns, fileTime } from "@/view/file-export.ts";

const PAGE_ROWS = 500;

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

type Ask = { cursor: string | null; limit: number };
type List = (ask: Ask, signal: AbortSignal) => Promise<{ entries: AuditEntry[]; nextCursor: string | null }>;

export function auditExport(now: number, list: List): Export<AuditEntry> {
  return {
    name: `audit-${fileTime(now)}`,
    columns: AUDIT_FILE,
    fetchPage: async (cursor, signal) => {
      const { entries, nextCursor } = await list({ cursor, limit: PAGE_ROWS }, signal);
      return { rows: entries, nextCursor };
    },
    missing: ({ cut }) => (cut ? "Cut at the newest: narrow it by who and action for the rest." : null),
  };
}
