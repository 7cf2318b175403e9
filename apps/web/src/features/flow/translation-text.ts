/** A flow's translation on its way, in words. */
import type { FlowRow, FlowTuple } from "@millrace/contract/flow";

export const sideText = ({ ip, port }: FlowTuple["src"]): string =>
  ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
const tupleText = ({ src, dst }: FlowTuple): string => `${sideText(src)} → ${sideText(dst)}`;

/** What the table's mark says; null without one. */
export function translationTitle({ tuples, otherSideUnknown }: FlowRow): string | null {
  if (otherSideUnknown !== null) return `translated: the other side isn't known. ${otherSideUnknown}`;
  if (tuples.length === 0) return null;
  return `translated on its way: ${tuples.map(tupleText).join(", then ")}`;
}

/** Whether a NAT changed this end since the form before. */
export function isRewritten(tuples: readonly FlowTuple[], at: number, side: "src" | "dst"): boolean {
  const [before, now] = [tuples[at - 1]?.[side], tuples[at]?.[side]];
  return before !== undefined && now !== undefined && (before.ip !== now.ip || before.port !== now.port);
}
