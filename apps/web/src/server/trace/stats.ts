/** A host's counters of a trace as they are stored: the agent's own, and what became of its events here. */
import { TraceStats } from "@millrace/contract/trace";
import { z } from "zod";

const count = z.number().nonnegative();
export const StoredStats = z.object({
  agent: TraceStats,
  /** Events in the table, and events that its bound kept out. */
  kept: count,
  notKept: count,
});
export type StoredStats = z.infer<typeof StoredStats>;

export const NO_STATS: StoredStats = {
  agent: { seen: 0, emitted: 0, overRate: 0, ringFull: 0, undelivered: 0 },
  kept: 0,
  notKept: 0,
};
export const readStats = (json: unknown): StoredStats => {
  const read = StoredStats.safeParse(json);
  return read.success ? read.data : NO_STATS;
};
/** As the dashboard shows them: what the table's bound kept out was not delivered either. */
export const shownStats = ({ agent, notKept }: StoredStats): TraceStats => ({
  ...agent,
  undelivered: agent.undelivered + notKept,
});
