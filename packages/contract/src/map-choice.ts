/** How the map may be looked at. Without schemas, so that the page's script needn't carry them. */

/** What ends are taken together by. */
export const MAP_GROUPS = ["service", "namespace", "host"] as const;
export type MapGroup = (typeof MAP_GROUPS)[number];

/** What makes an edge large: the largest are drawn, and as wide as it says. */
export const MAP_MEASURES = ["bytes", "opened", "drops"] as const;
export type MapMeasure = (typeof MAP_MEASURES)[number];

/**
 * outside: addresses that are no workload's; other: what sums don't keep a name for; unplaced: without a namespace, or
 * on a host that isn't known, when ends are grouped by that.
 */
export const MAP_NODE_KINDS = [
  "service",
  "pod",
  "namespace",
  "host",
  "outside",
  "other",
  "unplaced",
] as const;
export type MapNodeKind = (typeof MAP_NODE_KINDS)[number];
