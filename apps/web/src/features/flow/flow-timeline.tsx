"use client";
/** A flow's life: bytes each way, and round trips where the kernel measured them. */
import type { FlowDetail } from "@millrace/contract/flow";
import { bytes, microseconds } from "@millrace/contract/units";
import { useMemo } from "react";
import { TimeChart } from "@/ui/time-chart.tsx";
import type { TimeSeries } from "@/ui/time-series.ts";
import { SERIES } from "@/ui/tokens.ts";

const BYTES: readonly TimeSeries[] = [
  { key: "forwardBytes", title: "sent", color: SERIES[0], shape: "area", format: bytes },
  { key: "reverseBytes", title: "received", color: SERIES[1], shape: "area", format: bytes },
];
const RTT: readonly TimeSeries[] = [
  { key: "rttUs", title: "RTT", color: SERIES[2], shape: "line", format: microseconds },
];

/** The least distance between points: series of one flow have no bucket of their own. */
export function bucketOf(points: readonly { at: number }[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = 1; at < points.length; at++)
    least = Math.min(least, (points[at] as { at: number }).at - (points[at - 1] as { at: number }).at);
  return Number.isFinite(least) && least > 0 ? least : 1000;
}

export function FlowTimeline({ detail }: { detail: FlowDetail }) {
  const { series, row } = detail;
  const bucketMs = useMemo(() => bucketOf(series), [series]);
  const range = useMemo(() => {
    const from = Math.min(series[0]?.at ?? row.firstSeen, row.firstSeen);
    return { from, to: Math.max((series.at(-1)?.at ?? row.lastSeen) + bucketMs, from + bucketMs) };
  }, [series, row.firstSeen, row.lastSeen, bucketMs]);
  const measured = series.some((point) => point.rttUs !== null);
  if (series.length < 2)
    return <p className="text-text-3">Too short for a timeline: it was reported in one interval only.</p>;
  const common = { points: series, range, bucketMs, sync: "flow" };
  return (
    <div className="flex flex-col gap-2">
      <TimeChart title="Bytes" series={BYTES} height={84} {...common} />
      {measured && <TimeChart title="Round trip" series={RTT} height={64} {...common} />}
    </div>
  );
}
