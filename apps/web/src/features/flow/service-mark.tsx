/** The table's mark of a flow that was asked for at a service. */
import { askedName, askedText, backendText } from "@millrace/contract/asked-service";
import type { AskedService, FlowRow } from "@millrace/contract/flow";
import { endName } from "@/view/end-name.ts";

const pathText = (row: FlowRow, asked: AskedService): string =>
  `${endName(row.src)} → ${askedText(asked)} → ${backendText(row)}`;

export function ServiceMark({ row }: { row: FlowRow }) {
  if (!row.asked) return null;
  const title = `asked for a service: ${pathText(row, row.asked)}`;
  return (
    <span title={title} className="min-w-0 truncate rounded-sm border border-line px-1 text-2xs text-text-2">
      {askedName(row.asked) ?? "service"}
      <span className="sr-only">: {title}</span>
    </span>
  );
}
