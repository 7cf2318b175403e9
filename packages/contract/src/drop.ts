/** Drops as the operator API gives them: grouped by reason, place and endpoint. Texts for reasons are in abi. */
import { z } from "zod";
import { Completeness, TimeRange } from "./flow.ts";
import { Milliseconds } from "./ids.ts";

export const DropSummaryInput = z.object({
  range: TimeRange,
  filter: z.string().max(2000).default(""),
  /** Ordinary ends (a socket closing, an old ACK) are no losses and hidden unless asked for. */
  ordinary: z.boolean().default(false),
});
export const DropGroup = z.object({
  reason: z.string(),
  class: z.enum(["loss", "ordinary"]),
  place: z.string(),
  host: z.string(),
  packets: z.number(),
  bytes: z.number(),
  firstSeen: z.number(),
  lastSeen: z.number(),
  /** Packets per bucket of the range; null where no host reported. */
  line: z.array(z.number().nullable()),
  endpoints: z.array(
    z.object({
      src: z.string(),
      dst: z.string(),
      dstPort: z.int(),
      proto: z.int(),
      packets: z.number(),
      srcService: z.string().nullable(),
      dstService: z.string().nullable(),
    }),
  ),
});
export type DropGroup = z.infer<typeof DropGroup>;
export const DropSummary = z.object({
  bucketMs: z.number(),
  from: z.number(),
  /** Stretches without a report of any host. */
  gaps: z.array(z.object({ from: Milliseconds, to: Milliseconds })),
  groups: z.array(DropGroup),
  completeness: Completeness,
});
export type DropSummary = z.infer<typeof DropSummary>;
