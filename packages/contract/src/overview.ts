/** The Overview page's answer: is the fleet well, what changed, what is worst. */
import { z } from "zod";
import { Completeness, TimeRange } from "./flow.ts";

export const OverviewInput = z.object({ range: TimeRange });
const Point = z.object({ at: z.number(), value: z.number().nullable() });
/** A tile: the figure now, its line, and the same figure an equal span earlier. */
const Tile = z.object({ now: z.number().nullable(), before: z.number().nullable(), line: z.array(Point) });
export const Overview = z.object({
  bucketMs: z.number(),
  /** Stretches without a report from any host: the figures don't count that time. */
  gaps: z.array(z.object({ from: z.number(), to: z.number() })),
  bytesPerSecond: Tile,
  flowsPerSecond: Tile,
  dropsPerSecond: Tile,
  rttP50Us: Tile,
  rttP99Us: Tile,
  retransmitShare: Tile,
  /** Of the packets that Millrace carried, by path tier; null: it carried none. */
  pathTiers: z.object({ slow: z.number(), fast: z.number() }).nullable(),
  /** Reports of flows that a policy which only observes would have dropped. */
  wouldDrop: z.number(),
  hosts: z.object({ ok: z.int(), warn: z.int(), bad: z.int(), unknown: z.int() }),
  changes: z.array(
    z.object({
      at: z.number(),
      text: z.string(),
      href: z.string().nullable(),
      author: z.string().nullable(),
    }),
  ),
  worst: z.object({
    services: z.array(
      z.object({
        name: z.string(),
        drops: z.number(),
        retransmits: z.number(),
        rttP99Us: z.number().nullable(),
      }),
    ),
    reasons: z.array(z.object({ reason: z.string(), packets: z.number() })),
    hosts: z.array(z.object({ host: z.string(), drops: z.number(), state: z.string() })),
    talkers: z.array(z.object({ src: z.string(), dst: z.string(), bytes: z.number() })),
  }),
  completeness: Completeness,
});
export type Overview = z.infer<typeof Overview>;
