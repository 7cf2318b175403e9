/** Groups of drops as a tree: reason, place in the kernel, ends. Sums and lines are added up; no drawing. */
import type { DropGroup, DropSummary } from "@millrace/contract/drop";
import type { TimePoint } from "@/ui/time-series.ts";

/** Packets by bucket; null where nobody reported. */
type Line = readonly (number | null)[];
export type DropPlace = DropGroup & { readonly key: string };
export type DropReason = {
  readonly reason: string;
  readonly class: DropGroup["class"];
  readonly packets: number;
  readonly bytes: number;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly line: Line;
  readonly hosts: readonly string[];
  readonly places: readonly DropPlace[];
};

export function addLines(lines: readonly Line[]): (number | null)[] {
  const length = Math.max(0, ...lines.map((line) => line.length));
  return Array.from({ length }, (_, at) => {
    const known = lines.flatMap((line) => line[at] ?? []);
    return known.length === 0 ? null : known.reduce((sum, n) => sum + n, 0);
  });
}

/** Real losses before ordinary ends, each by how many. */
export function dropTree(groups: readonly DropGroup[]): DropReason[] {
  const byReason = new Map<string, DropPlace[]>();
  for (const group of groups) {
    const places = byReason.get(group.reason) ?? [];
    places.push({ ...group, key: `${group.host}\n${group.place}` });
    byReason.set(group.reason, places);
  }
  const weight = (node: DropReason) => (node.class === "loss" ? 1 : 0);
  return [...byReason.entries()]
    .map(([reason, places]) => reasonOf(reason, places))
    .sort((a, b) => weight(b) - weight(a) || b.packets - a.packets);
}

function reasonOf(reason: string, places: DropPlace[]): DropReason {
  const sum = (of: (place: DropPlace) => number) => places.reduce((total, place) => total + of(place), 0);
  return {
    reason,
    class: places.some((place) => place.class === "loss") ? "loss" : "ordinary",
    packets: sum((place) => place.packets),
    bytes: sum((place) => place.bytes),
    firstSeen: Math.min(...places.map((place) => place.firstSeen)),
    lastSeen: Math.max(...places.map((place) => place.lastSeen)),
    line: addLines(places.map((place) => place.line)),
    hosts: [...new Set(places.map((place) => place.host))].sort(),
    places: places.sort((a, b) => b.packets - a.packets),
  };
}

export type DropEndpoint = DropGroup["endpoints"][number];

/** The pairs of ends of several places, the most affected first. */
export function worstEndpoints(places: readonly DropPlace[], most: number): DropEndpoint[] {
  const byPair = new Map<string, DropEndpoint>();
  for (const end of places.flatMap((place) => place.endpoints)) {
    const key = [end.src, end.dst, end.dstPort, end.proto].join();
    const known = byPair.get(key);
    byPair.set(key, known ? { ...known, packets: known.packets + end.packets } : end);
  }
  return [...byPair.values()].sort((a, b) => b.packets - a.packets).slice(0, most);
}

/** Points of the chart: the largest reasons each, the rest together. */
export function dropPoints(summary: DropSummary, tree: readonly DropReason[], most: number) {
  const shown = tree.slice(0, most);
  const rest = addLines(tree.slice(most).map((node) => node.line));
  const length = Math.max(0, ...tree.map((node) => node.line.length));
  const points = Array.from({ length }, (_, at) => {
    const point: TimePoint = { at: summary.from + at * summary.bucketMs };
    for (const node of shown) point[node.reason] = node.line[at] ?? null;
    if (tree.length > most) point.other = rest[at] ?? null;
    return point;
  });
  return { points, keys: [...shown.map((node) => node.reason), ...(tree.length > most ? ["other"] : [])] };
}
