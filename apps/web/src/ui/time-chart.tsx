"use client";
/**
 * A chart over time with its title and legend. The drawing (recharts, ~100 kB) is loaded when the first
 * chart is on a page; until then a space of the same size stands there.
 */
import dynamic from "next/dynamic";
import { Quantity } from "./quantity.tsx";
import { Skeleton } from "./skeleton.tsx";
import { summaryOf, type TimeChartProps, type TimeSeries } from "./time-series.ts";

const TimePlot = dynamic(() => import("./time-plot.tsx").then((m) => m.TimePlot), {
  ssr: false,
  loading: () => <Skeleton className="h-full w-full opacity-40" />,
});

function describe(props: TimeChartProps): string {
  const parts = props.series.map((series) => {
    const { current, max } = summaryOf(props.points, series.key);
    if (current === null || max === null) return `${series.title}: no data`;
    const now = series.format(current);
    const most = series.format(max);
    return `${series.title}: now ${now.value} ${now.unit}, at most ${most.value} ${most.unit}`;
  });
  return `${props.title}. ${parts.join("; ")}`;
}

export function TimeChart(props: TimeChartProps) {
  return (
    <figure className="@container min-w-0" aria-label={describe(props)}>
      <figcaption className="flex min-h-6 flex-wrap items-center gap-x-4 gap-y-0.5 text-xs whitespace-nowrap">
        <span className="font-medium text-text-1">{props.title}</span>
        {!props.hideLegend &&
          props.series.map((series) => <Legend key={series.key} series={series} points={props.points} />)}
        {props.note && <span className="ml-auto">{props.note}</span>}
      </figcaption>
      <div style={{ height: props.height }} className="min-w-0 select-none">
        <TimePlot {...props} />
      </div>
    </figure>
  );
}

function Legend({ series, points }: { series: TimeSeries; points: TimeChartProps["points"] }) {
  const { current, min, max } = summaryOf(points, series.key);
  const show = (n: number | null) => <Quantity value={n === null ? null : series.format(n)} />;
  return (
    <span className="inline-flex items-center gap-1.5 text-text-2">
      <svg width="12" height="8" aria-hidden="true">
        {series.shape === "line" ? (
          <path
            d="M0 4H12"
            stroke={series.color}
            strokeWidth="2"
            strokeDasharray={series.dashed ? "3 2" : undefined}
          />
        ) : (
          <rect width="12" height="8" rx="1.5" fill={series.color} />
        )}
      </svg>
      {series.title}
      <span className="text-text-1">{show(current)}</span>
      <span className="text-text-3 @max-md:hidden">
        min {show(min)} max {show(max)}
      </span>
    </span>
  );
}
