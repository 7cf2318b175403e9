/** A flow as one line of text. JSON output is the row itself, one object a line. */
import { askedName, askedText } from "@millrace/contract/asked-service";
import type { End, FlowRow } from "@millrace/contract/flow";
import { ruleText } from "@millrace/contract/rule-number";
import { bytes, microseconds, text } from "@millrace/contract/units";
import { pathTierOf, protocolName, VERDICT_TITLE } from "@millrace/contract/verdict";
import { plain } from "./terminal.ts";

/** tab and jsonpb are what hubble calls table and json. */
export const FORMATS = ["compact", "table", "tab", "dict", "json", "jsonpb"] as const;
export type Format = (typeof FORMATS)[number];

const nameOf = (end: End): string => end.pod ?? end.service ?? end.host ?? end.ip;
const address = (end: End): string =>
  end.ip.includes(":") ? `[${end.ip}]:${end.port}` : `${end.ip}:${end.port}`;
const label = (end: End): string => {
  const name = end.namespace ? `${end.namespace}/${nameOf(end)}` : nameOf(end);
  return plain(name === end.ip ? address(end) : `${name} (${address(end)})`);
};
const traffic = (row: FlowRow): string => text(bytes(row.forward.bytes + row.reverse.bytes));
const rtt = (row: FlowRow): string => (row.rttUs === null ? "-" : text(microseconds(row.rttUs)));
const verdict = (row: FlowRow): string =>
  row.dropReason && row.verdict === "dropped"
    ? `${VERDICT_TITLE.dropped} (${row.dropReason})`
    : VERDICT_TITLE[row.verdict];

const tier = (row: FlowRow): string => (row.pathTiers ? pathTierOf(row.pathTiers) : "-");
const rules = (row: FlowRow): string => row.rules.map(ruleText).join(",") || "-";
/** What was asked for, before the backend that was given. */
const asked = ({ asked }: FlowRow): string => (asked ? `${plain(askedText(asked))} -> ` : "");
/** Only where Millrace carries it: elsewhere there is nothing to say. */
const carried = (row: FlowRow): string =>
  row.pathTiers ? ` way ${row.way} ${tier(row)}${row.rules.length > 0 ? ` rule ${rules(row)}` : ""}` : "";

/** Widths fixed, so that a followed stream keeps its columns. */
const COLUMNS: readonly { title: string; width: number; of: (row: FlowRow) => string }[] = [
  { title: "TIME", width: 24, of: (row) => new Date(row.lastSeen).toISOString() },
  { title: "SOURCE", width: 34, of: (row) => label(row.src) },
  { title: "DESTINATION", width: 34, of: (row) => label(row.dst) },
  {
    title: "SERVICE",
    width: 24,
    of: ({ asked }) => plain((asked && (askedName(asked) ?? askedText(asked))) ?? "-"),
  },
  { title: "PROTO", width: 6, of: (row) => protocolName(row.proto) },
  { title: "VERDICT", width: 24, of: verdict },
  { title: "RULE", width: 9, of: rules },
  { title: "WAY", width: 7, of: (row) => row.way },
  { title: "TIER", width: 4, of: tier },
  { title: "BYTES", width: 8, of: traffic },
  { title: "RTT", width: 8, of: rtt },
  { title: "RETX", width: 4, of: (row) => String(row.retransmits) },
];

export const tableHead = (): string =>
  COLUMNS.map((c) => c.title.padEnd(c.width))
    .join("  ")
    .trimEnd();

export function formatFlow(row: FlowRow, format: Format): string {
  switch (format) {
    case "json":
    case "jsonpb":
      return JSON.stringify(row);
    case "table":
    case "tab":
      return COLUMNS.map((c) => c.of(row).padEnd(c.width))
        .join("  ")
        .trimEnd();
    case "dict":
      return `${COLUMNS.map((c) => `${c.title.padStart(12)}: ${c.of(row)}`).join("\n")}\n------------`;
    case "compact":
      return `${new Date(row.lastSeen).toISOString()}: ${label(row.src)} -> ${asked(row)}${label(row.dst)} ${protocolName(row.proto)} ${verdict(row)}${carried(row)} ${traffic(row)} rtt ${rtt(row)}`;
  }
}
