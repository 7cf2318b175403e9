/** Nodes and edges with everything a test doesn't care about filled in. Test material. */
import type { MapEdge, MapNode } from "@millrace/contract/map";

export const aNode = (name: string, over: Partial<MapNode> = {}): MapNode => ({
  ...{ id: `service ${name}`, kind: "service", name, namespace: null },
  ...over,
});

/** Between services of these names. */
export const anEdge = (src: string, dst: string, over: Partial<MapEdge> = {}): MapEdge => ({
  ...{ src: `service ${src}`, dst: `service ${dst}`, bytes: 0, packets: 0, opened: 0, drops: 0 },
  ...{ retransmits: 0, wouldDrop: 0, pathTiers: null, rttP50Us: null, rttP95Us: null },
  ...over,
});
