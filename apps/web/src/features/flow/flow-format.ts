/** Flows in words: the drawer's sentence, flags, durations. Units are contract/units'. */
import type { FlowDetail, FlowRow } from "@millrace/contract/flow";
import { bytes, count, microseconds, text } from "@millrace/contract/units";
import { protocolName, VERDICT_TITLE } from "@millrace/contract/verdict";
import { spanText } from "@/ui/instant.ts";
import { endName, hasPorts } from "@/view/end-name.ts";
import { lasted } from "./flow-sum.ts";

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"] as const;
export const flagsText = (flags: number): string =>
  FLAGS.filter((_, bit) => flags & (1 << bit)).join(" ") || "none";

const withPort = (row: FlowRow): string =>
  row.dst.port > 0 && hasPorts(row.proto) ? `${endName(row.dst)}:${row.dst.port}` : endName(row.dst);

export function flowSentence(row: FlowRow): string {
  const opened = row.openerKnown ? "opened" : "talks with";
  const unseen = row.openerKnown ? "" : " (who opened it was not seen)";
  const start = `${endName(row.src)} ${opened} ${withPort(row)} over ${protocolName(row.proto)}${unseen}`;
  const amount = `sent ${text(bytes(row.forward.bytes))} and got ${text(bytes(row.reverse.bytes))} in ${spanText(lasted(row))}`;
  return `${start}, ${amount}. ${verdictSentence(row)}${qualitySentence(row)}`;
}

function verdictSentence(row: FlowRow): string {
  if (row.verdict === "dropped") {
    const all = row.reverse.packets === 0 ? "nothing came back" : "others got through";
    const why = row.dropReason ? `, last for ${row.dropReason}` : "";
    return `${text(count(row.drops))} packets were dropped${why}; ${all}.`;
  }
  if (row.verdict === "forwarded") return "What was seen was forwarded.";
  if (row.verdict === "would-drop") return "A policy in observation would have dropped it.";
  return `Its fate is ${VERDICT_TITLE[row.verdict]}: it was seen at one point only.`;
}

function qualitySentence(row: FlowRow): string {
  const parts: string[] = [];
  if (row.rttUs !== null) parts.push(`a round trip takes ${text(microseconds(row.rttUs))}`);
  if (row.retransmits > 0) parts.push(`${text(count(row.retransmits))} segments were sent again`);
  if (parts.length === 0) return "";
  const sentence = parts.join("; ");
  return ` ${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

/** What one observer counted and the other did not, per direction; null with fewer than two. */
export type Asymmetry = { direction: "forward" | "reverse"; sent: number; received: number };
export function asymmetries(observers: FlowDetail["observers"]): Asymmetry[] | null {
  const atSource = observers.find((o) => o.observers[0]?.side === "source");
  const atDestination = observers.find((o) => o.observers[0]?.side === "destination");
  if (!atSource || !atDestination) return null;
  // Wire segments, since the two kernels may have merged packets differently.
  return [
    { direction: "forward", sent: atSource.forward.segments, received: atDestination.forward.segments },
    { direction: "reverse", sent: atDestination.reverse.segments, received: atSource.reverse.segments },
  ];
}
