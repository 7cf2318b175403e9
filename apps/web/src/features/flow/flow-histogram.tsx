"use client";
/** Flows over time by verdict; dragging over it chooses a time. */
import type { FlowHistogram as Histogram } from "@millrace/contract/flow";
import { count } from "@millrace/contract/units";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { memo, useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Skeleton } from "@/ui/skeleton.tsx";
import { TimeChart } from "@/ui/time-chart.tsx";
import type { TimeSeries } from "@/ui/time-series.ts";
import { COLOR } from "@/ui/tokens.ts";
import { Answer } from "@/view/answer.tsx";
import { useKept } from "@/view/kept-answer.ts";
import { useView } from "@/view/url-state.ts";
import { useMarks } from "@/view/use-marks.ts";

const HEIGHT = 96;
const step = { shape: "step", stack: "flows", format: count } as const;
const SERIES: readonly TimeSeries[] = [
  { key: "forwarded", title: "forwarded", color: COLOR.forwarded, ...step },
  { key: "dropped", title: "✕ dropped", color: COLOR.dropped, ...step },
  { key: "wouldDrop", title: "◐ would drop", color: COLOR.wouldDrop, ...step },
  { key: "unknown", title: "? unknown", color: COLOR.unknown, ...step },
];

/** Verdicts that never occurred needn't stand in the legend. */
export function seriesIn(histogram: Histogram): readonly TimeSeries[] {
  return SERIES.filter(
    ({ key }) =>
      key === "forwarded" ||
      key === "dropped" ||
      histogram.buckets.some((bucket) => bucket[key as "unknown" | "wouldDrop"] > 0),
  );
}

/** Remembered, since the table beside it draws several times a second. */
export const FlowHistogram = memo(function FlowHistogram() {
  const { range, filter, question, setSpan } = useView();
  const trpc = useTRPC();
  const query = useKept(
    useQuery(trpc.flows.histogram.queryOptions({ range, filter }, { placeholderData: keepPreviousData })),
    question,
  );
  const marks = useMarks(range);
  const series = useMemo(() => (query.data ? seriesIn(query.data) : SERIES), [query.data]);
  return (
    <div style={{ minHeight: HEIGHT + 24 }}>
      <Answer query={query} skeleton={<Skeleton className="mt-6 h-24 w-full opacity-40" />}>
        {(histogram) => (
          <TimeChart
            title="Flows"
            points={histogram.buckets}
            series={series}
            range={range}
            bucketMs={histogram.bucketMs}
            height={HEIGHT}
            gaps={histogram.gaps}
            marks={marks}
            whole
            sync="flows"
            onBrush={setSpan}
          />
        )}
      </Answer>
    </div>
  );
});
