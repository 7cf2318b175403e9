"use client";
/** Drops over time by reason. */
import type { DropSummary } from "@millrace/contract/drop";
import { count } from "@millrace/contract/units";
import { useMemo } from "react";
import { TimeChart } from "@/ui/time-chart.tsx";
import type { TimeSeries } from "@/ui/time-series.ts";
import { COLOR, SERIES } from "@/ui/tokens.ts";
import { useView } from "@/view/url-state.ts";
import { useMarks } from "@/view/use-marks.ts";
import { type DropReason, dropPoints } from "./drop-tree.ts";

const MOST = 5;
/** Vermillion is the verdict's: the largest reason gets it, the others tell themselves apart. */
const COLORS = [COLOR.dropped, SERIES[0], SERIES[1], SERIES[3], SERIES[2]];

export function DropChart({ summary, tree }: { summary: DropSummary; tree: readonly DropReason[] }) {
  const { range, setSpan } = useView();
  const marks = useMarks(range);
  const { points, keys } = useMemo(() => dropPoints(summary, tree, MOST), [summary, tree]);
  const series = useMemo(
    () =>
      keys.map(
        (key, at): TimeSeries => ({
          key,
          title: key,
          color: key === "other" ? COLOR.unknown : (COLORS[at] ?? COLOR.unknown),
          shape: "step",
          stack: "drops",
          format: count,
        }),
      ),
    [keys],
  );
  return (
    <TimeChart
      title="Dropped packets"
      points={points}
      series={series}
      range={range}
      bucketMs={summary.bucketMs}
      height={120}
      gaps={summary.gaps}
      marks={marks}
      whole
      sync="drops"
      onBrush={setSpan}
    />
  );
}
