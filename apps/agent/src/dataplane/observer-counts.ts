/** What the programs count about themselves, summed over CPUs. */
import { EventKind } from "@millrace/abi/generated/event";
import { ObserverLimit } from "@millrace/abi/generated/observer";
import type { KernelTables } from "./kernel-tables.ts";

/** By enum observer_count, and the ring's losses of all kinds of events together. */
export function observerCounts(tables: Pick<KernelTables, "sum">): { counts: number[]; ringLost: number } {
  const counts = Array.from({ length: ObserverLimit.COUNTS }, (_, i) => tables.sum("observer_counts", i));
  const lost = Object.values(EventKind).map((kind) => tables.sum("ring_lost", kind));
  return { counts, ringLost: lost.reduce((sum, one) => sum + one, 0) };
}
