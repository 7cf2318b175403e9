/** Audit entries in short. */
import type { AuditEntry } from "@millrace/contract/setting";

export const OUTCOME: Record<AuditEntry["outcome"], { glyph: string; look: string }> = {
  done: { glyph: "✓", look: "text-text-2" },
  refused: { glyph: "⊘", look: "text-warn" },
  failed: { glyph: "✕", look: "text-bad" },
};

/** `role=operator was=viewer`: enough for a line; the whole is in the detail. */
export function detailText(detail: AuditEntry["detail"]): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(" ");
}
