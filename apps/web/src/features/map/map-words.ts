/** What nodes and measures are called, and the filter that finds the flows behind a node or an edge. Pure. */
import { withTerm } from "@millrace/contract/filter";
import type { FlowMap, MapEdge, MapNode } from "@millrace/contract/map";
import type { MapGroup, MapMeasure } from "@millrace/contract/map-choice";
import { bytes, bytesPerSecond, count, perSecond, type Quantity } from "@millrace/contract/units";

export const GROUP_TITLE: Record<MapGroup, string> = {
  service: "Service",
  namespace: "Namespace",
  host: "Host",
};
export const GROUP_WORD: Record<MapGroup, { one: string; many: string }> = {
  service: { one: "service", many: "services" },
  namespace: { one: "namespace", many: "namespaces" },
  host: { one: "host", many: "hosts" },
};

type MeasureWords = { title: string; rate: (n: number) => Quantity; sum: (n: number) => Quantity };
export const MEASURE: Record<MapMeasure, MeasureWords> = {
  bytes: { title: "Bytes", rate: bytesPerSecond, sum: bytes },
  opened: { title: "New flows", rate: perSecond, sum: count },
  drops: { title: "Drops", rate: perSecond, sum: count },
};

/** Per second of the time that any host reported; null when there was none. */
export const rateOf = (sum: number, measure: MapMeasure, { seconds }: Pick<FlowMap, "seconds">) =>
  seconds > 0 ? MEASURE[measure].rate(sum / seconds) : null;

export function nodeTitle(node: Pick<MapNode, "kind" | "name">, by: MapGroup): string {
  if (node.kind === "outside") return "outside";
  if (node.kind === "other") return "other";
  if (node.kind === "unplaced") return by === "host" ? "host not known" : "no namespace";
  return node.name;
}

/** What a node is, under its name. */
export function nodeNote(node: Pick<MapNode, "kind" | "namespace">): string {
  if (node.kind === "service") return node.namespace ?? "no namespace";
  if (node.kind === "pod") return node.namespace ? `pod in ${node.namespace}` : "pod";
  if (node.kind === "outside") return "addresses of no workload";
  if (node.kind === "other") return "without a name in the sums";
  return node.kind === "unplaced" ? "pods" : node.kind;
}

export const OTHER_NOTE =
  "Sums keep names for what weighs most. The rest goes by “other”: no filter means exactly that.";

type Side = "src" | "dst";
/** `~""` is met by every name: what it excludes has none. */
const without = (side: Side, field: string): string => `-${side}.${field}~""`;

/** The filter with the terms added that mean this node at this end; null when no filter means exactly that. */
export function withNode(filter: string, node: MapNode, side: Side, by: MapGroup): string | null {
  const also = (text: string, more: string) => `${text} ${more}`.trim();
  switch (node.kind) {
    case "other":
      return null;
    case "outside":
      return also(filter, `${side}.kind=external,unknown`);
    case "unplaced":
      return also(
        withTerm(filter, `${side}.kind`, "pod"),
        without(side, by === "host" ? "host" : "namespace"),
      );
    case "namespace":
      return withTerm(filter, `${side}.namespace`, node.name);
    case "host": {
      const named = withTerm(filter, `${side}.host`, node.name);
      return by === "host" ? named : withTerm(named, `${side}.kind`, "host");
    }
    default: {
      const named = withTerm(filter, `${side}.${node.kind}`, node.name);
      return node.namespace
        ? withTerm(named, `${side}.namespace`, node.namespace)
        : also(named, without(side, "namespace"));
    }
  }
}

/** Of all flows of an edge, and of nothing else. */
export function edgeFilter(filter: string, src: MapNode, dst: MapNode, by: MapGroup): string | null {
  const from = withNode(filter, src, "src", by);
  return from === null ? null : withNode(from, dst, "dst", by);
}

/** Of the packets that were seen; what was dropped is among them, but where only its drop is known. */
export const dropShare = ({ drops, packets }: Pick<MapEdge, "drops" | "packets">): number =>
  drops === 0 ? 0 : drops / Math.max(packets, drops);

export const fastShare = ({ pathTiers }: Pick<MapEdge, "pathTiers">): number | null =>
  pathTiers && pathTiers.fast / (pathTiers.fast + pathTiers.slow);
