"use client";
/** Traffic and drops over the time shown; dragging over either chooses a time. */
import type { Overview } from "@millrace/contract/overview";
import { bytesPerSecond, perSecond } from "@millrace/contract/units";
import Link from "next/link";
import { useMemo } from "react";
import { TimeChart } from "@/ui/time-chart.tsx";
import type { TimePoint, TimeSeries } from "@/ui/time-series.ts";
import { COLOR, SERIES } from "@/ui/tokens.ts";
import { useHref, useView } from "@/view/url-state.ts";
import { useMarks } from "@/view/use-marks.ts";

const TRAFFIC: readonly TimeSeries[] = [
  { key: "value", title: "all hosts", color: SERIES[0], shape: "area", format: bytesPerSecond },
];
const DROPS: readonly TimeSeries[] = [
  { key: "value", title: "✕ losses", color: COLOR.dropped, shape: "area", format: perSecond },
];

export function OverviewCharts({ overview }: { overview: Overview }) {
  const { range, setSpan } = useView();
  const link = useHref();
  const marks = useMarks(range);
  const traffic = useMemo<TimePoint[]>(() => overview.bytesPerSecond.line.map((p) => ({ ...p })), [overview]);
  const drops = useMemo<TimePoint[]>(() => overview.dropsPerSecond.line.map((p) => ({ ...p })), [overview]);
  const common = {
    range,
    bucketMs: overview.bucketMs,
    gaps: overview.gaps,
    height: 150,
    marks,
    sync: "overview",
    onBrush: setSpan,
  };
  const more = "text-accent hover:underline";
  return (
    <div className="grid gap-x-8 gap-y-5 px-4 lg:grid-cols-2">
      <TimeChart
        title="Traffic"
        points={traffic}
        series={TRAFFIC}
        note={
          <Link className={more} href={link("/flows", { sort: "-bytes" })}>
            Flows
          </Link>
        }
        {...common}
      />
      <TimeChart
        title="Drops"
        points={drops}
        series={DROPS}
        note={
          <Link className={more} href={link("/drops")}>
            Drops
          </Link>
        }
        {...common}
      />
    </div>
  );
}
