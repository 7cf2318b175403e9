/** How an edge looks by what it carries: width by rate, tone by what was dropped. Pure. */
import type { MapEdge } from "@millrace/contract/map";
import { COLOR } from "@/ui/tokens.ts";
import { dropShare } from "./map-words.ts";

const THIN_PX = 1.25;
const THICK_PX = 6;
/** So many times less than the largest is drawn at its thinnest. */
const SPAN = 10_000;

/** By magnitude: between services rates differ by powers of ten. */
export function edgeWidth(value: number, most: number): number {
  if (value <= 0 || most <= 0) return THIN_PX;
  const share = 1 + Math.log(value / most) / Math.log(SPAN);
  return THIN_PX + (THICK_PX - THIN_PX) * Math.min(1, Math.max(0, share));
}

export const EDGE_TONES = ["plain", "would-drop", "some", "many"] as const;
export type EdgeTone = (typeof EDGE_TONES)[number];
const MANY = 0.01;

export function edgeTone(edge: Pick<MapEdge, "drops" | "packets" | "wouldDrop">): EdgeTone {
  if (edge.drops > 0) return dropShare(edge) < MANY ? "some" : "many";
  return edge.wouldDrop > 0 ? "would-drop" : "plain";
}

export const TONE: Record<EdgeTone, { color: string; dash?: string; title: string }> = {
  plain: { color: COLOR.crosshair, title: "nothing dropped" },
  "would-drop": { color: COLOR.wouldDrop, dash: "1 5", title: "a policy would drop" },
  some: { color: COLOR.dropped, dash: "7 5", title: "under 1 % dropped" },
  many: { color: COLOR.dropped, title: "1 % or more dropped" },
};
