/** The Map page's answer: what goes by one name as a node, all flows from one to another as an edge. */
import { z } from "zod";
import { Completeness, TimeRange } from "./flow.ts";
import { Milliseconds } from "./ids.ts";
import { MAP_GROUPS, MAP_MEASURES, MAP_NODE_KINDS } from "./map-choice.ts";

export const MapInput = z.object({
  range: TimeRange,
  filter: z.string().max(2000).default(""),
  by: z.enum(MAP_GROUPS).default("service"),
  measure: z.enum(MAP_MEASURES).default("bytes"),
});

/** Unique in an answer, and the same from answer to answer: an edge names its ends by `id`. */
export const MapNode = z.object({
  id: z.string(),
  kind: z.enum(MAP_NODE_KINDS),
  name: z.string(),
  namespace: z.string().nullable(),
});
export type MapNode = z.infer<typeof MapNode>;

/** Of all flows that `src` opened to `dst`; both directions of each. */
export const MapEdge = z.object({
  src: z.string(),
  dst: z.string(),
  bytes: z.number(),
  packets: z.number(),
  opened: z.number(),
  drops: z.number(),
  retransmits: z.number(),
  /** Reports that a policy which only observes would have dropped a flow. */
  wouldDrop: z.number(),
  /** Of the packets that Millrace carried, by path tier; null: it carried none. */
  pathTiers: z.object({ slow: z.number(), fast: z.number() }).nullable(),
  rttP50Us: z.number().nullable(),
  rttP95Us: z.number().nullable(),
});
export type MapEdge = z.infer<typeof MapEdge>;

export const FlowMap = z.object({
  by: z.enum(MAP_GROUPS),
  nodes: z.array(MapNode),
  /** The largest first. */
  edges: z.array(MapEdge),
  /** The smaller ones that are not in `edges`, and what they come to. */
  rest: z.object({ edges: z.int(), bytes: z.number(), opened: z.number(), drops: z.number() }),
  /** How long any host reported, of the time that is summed up: a rate is of that time. */
  seconds: z.number(),
  /** Set where the range was too long to be summed up in time: all is of the time since then. */
  since: Milliseconds.nullable(),
  completeness: Completeness,
});
export type FlowMap = z.infer<typeof FlowMap>;
