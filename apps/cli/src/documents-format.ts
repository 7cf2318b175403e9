/** Documents as tables and as YAML. What is asked for them is documents.ts's. */
import type { PolicyView, ServiceView } from "@millrace/contract/declared";
import type { DocumentView } from "@millrace/contract/document";
import { protocolName } from "@millrace/contract/verdict";
import { plain } from "./terminal.ts";

type Column<Row> = { title: string; cell: (row: Row) => string };

const NAME: Column<DocumentView>[] = [
  { title: "NAMESPACE", cell: (row) => row.namespace || "-" },
  { title: "NAME", cell: (row) => row.name },
];
const CHANGE: Column<DocumentView>[] = [
  { title: "REVISION", cell: (row) => String(row.revision) },
  {
    title: "CHANGED (UTC)",
    cell: (row) => new Date(row.changedAtMs).toISOString().slice(0, 19).replace("T", " "),
  },
  { title: "BY", cell: (row) => row.changedBy },
];
const POLICY: Column<PolicyView>[] = [
  { title: "TIER", cell: (row) => row.tier },
  { title: "MODE", cell: (row) => row.mode },
  { title: "ISOLATES", cell: (row) => row.isolates.join(",") || "-" },
  { title: "RULES", cell: (row) => String(row.rules) },
  { title: "ENDPOINTS", cell: (row) => (row.selected === null ? "?" : String(row.selected)) },
  { title: "NUMBER", cell: (row) => String(row.number) },
];
const SERVICE: Column<ServiceView>[] = [
  { title: "ADDRESSES", cell: (row) => row.addresses.join(",") || (row.isHeadless ? "headless" : "-") },
  { title: "PORTS", cell: (row) => row.ports.map(portText).join(",") || "-" },
  { title: "PODS", cell: (row) => String(row.backends.pods) },
  { title: "OTHERS", cell: (row) => String(row.backends.ready) },
  { title: "DRAINING", cell: (row) => String(row.backends.draining) },
];
/** As kubectl writes it. */
const portText = ({ port, nodePort, protocol }: ServiceView["ports"][number]): string =>
  `${port}${nodePort ? `:${nodePort}` : ""}/${protocolName(protocol)}`;

export const documentTable = (rows: readonly DocumentView[]): string => table(rows, [...NAME, ...CHANGE]);
export const policyTable = (rows: readonly PolicyView[]): string =>
  table(rows, [...NAME, ...POLICY, ...CHANGE]);
export const serviceTable = (rows: readonly ServiceView[]): string =>
  table(rows, [...NAME, ...SERVICE, ...CHANGE]);

function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => cell(row))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const padded = lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${padded.map(plain).join("\n")}\n`;
}
