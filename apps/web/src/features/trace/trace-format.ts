/** Traces in words: what they narrow to, what they will do, what they saw. */
import type { TraceEvent, TraceFilter, TraceSpec, TraceStats } from "@millrace/contract/trace";
import { TRACE_KIND_TITLE } from "@millrace/contract/trace-kind";
import { count, text } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import { spanText } from "@/ui/instant.ts";
import { endAddress } from "@/view/end-name.ts";

const half = (ip: string | null | undefined, port: number | null | undefined): string | null => {
  if (!ip && !port) return null;
  return ip ? endAddress({ ip, port: port ?? 0 }) : `any address, port ${port}`;
};

export function filterText(filter: TraceFilter): string {
  const parts: string[] = [];
  if (filter.pod) parts.push(filter.namespace ? `${filter.namespace}/${filter.pod}` : filter.pod);
  else if (filter.namespace) parts.push(`namespace ${filter.namespace}`);
  if (filter.container) parts.push(`container ${filter.container}`);
  const ends = [half(filter.ipA, filter.portA), half(filter.ipB, filter.portB)].filter((end) => end !== null);
  if (ends.length > 0) parts.push(ends.join(" ↔ "));
  if (filter.proto !== null && filter.proto !== undefined) parts.push(protocolName(filter.proto));
  return parts.join(", ") || "everything";
}

/** What starting it will do, to how many hosts, and how it ends. */
export function effectText(spec: TraceSpec): string {
  const hosts = spec.hosts.length === 1 ? "1 host" : `${spec.hosts.length} hosts`;
  return (
    `${TRACE_KIND_TITLE[spec.kind].cost} Attached on ${hosts}, for ${spanText(spec.leaseSeconds * 1000)} at most, ` +
    `sending ${text(count(spec.rateEps))} events a second from each at most. It ends by itself, also when this page is closed, ` +
    "the agent dies or the control plane is gone; no packet is held or changed."
  );
}

export const noStats: TraceStats = { seen: 0, emitted: 0, overRate: 0, ringFull: 0, undelivered: 0 };
export const sumStats = (all: readonly TraceStats[]): TraceStats =>
  all.reduce(
    (sum, one) => ({
      seen: sum.seen + one.seen,
      emitted: sum.emitted + one.emitted,
      overRate: sum.overRate + one.overRate,
      ringFull: sum.ringFull + one.ringFull,
      undelivered: sum.undelivered + one.undelivered,
    }),
    noStats,
  );

export const STEP_TITLE: Record<Extract<TraceEvent, { kind: "connections" }>["step"], string> = {
  connect: "connects",
  accept: "accepted",
  established: "established",
  reset: "✕ reset",
  close: "closed",
  "connect-failed": "✕ not connected",
};
