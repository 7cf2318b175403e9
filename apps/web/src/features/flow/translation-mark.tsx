/** The table's mark of a flow that a NAT translated, or may have. */
import type { FlowRow } from "@millrace/contract/flow";
import { translationTitle } from "./translation-text.ts";

export function TranslationMark({ row }: { row: FlowRow }) {
  const title = translationTitle(row);
  if (title === null) return null;
  const unknown = row.otherSideUnknown !== null;
  return (
    <span
      title={title}
      className={`shrink-0 rounded-sm border border-line px-1 text-2xs ${unknown ? "text-warn" : "text-text-2"}`}
    >
      {unknown ? "NAT?" : "NAT"}
      <span className="sr-only">: {title}</span>
    </span>
  );
}
