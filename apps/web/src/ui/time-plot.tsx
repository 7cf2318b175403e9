"use client";
/**
 * The drawing of a time chart. Never imported directly: time-chart loads it, so that recharts stays out of
 * every page's first script.
 */
import { useId, useMemo, useState } from "react";
import {
  Area,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceArea,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";
import { fullText, tickText, timeTicks } from "./instant.ts";
import { Quantity } from "./quantity.tsx";
import { brushedSpan, type TimeChartProps, type TimeSeries, withoutIdle } from "./time-series.ts";
import { COLOR } from "./tokens.ts";

const TICK = { fontSize: 11, fill: COLOR.axis, fontFamily: "var(--font-geist-mono)" } as const;
const MOST_TICKS = 7;
const AXIS_PX = 58;

type Label = string | number | undefined;
const numberOf = (label: Label): number | null => (label === undefined ? null : Number(label));

export function TimePlot(props: TimeChartProps) {
  const { points, series, range, bucketMs, gaps = [], marks = [], onBrush } = props;
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const hatch = useId();
  const drawn = useMemo(
    () =>
      withoutIdle(
        points,
        series.filter((one) => one.stack).map((one) => one.key),
      ),
    [points, series],
  );
  const span = range.to - range.from;
  const axis = series[0];
  const finish = () => {
    const chosen = drag && brushedSpan(drag.from, drag.to, bucketMs);
    setDrag(null);
    if (chosen) onBrush?.(chosen);
  };
  const begin = (label: Label) => {
    const at = numberOf(label);
    if (at !== null && onBrush) setDrag({ from: at, to: at });
  };
  const drawTo = (label: Label) => {
    const at = numberOf(label);
    if (drag && at !== null && at !== drag.to) setDrag({ ...drag, to: at });
  };
  return (
    <ResponsiveContainer width="100%" height="100%" minWidth={0}>
      <ComposedChart
        data={drawn}
        margin={{ top: 6, right: 26, bottom: 0, left: 0 }}
        syncId={props.sync}
        syncMethod="value"
        accessibilityLayer={false}
        onMouseDown={(state) => begin(state.activeLabel)}
        onMouseMove={(state) => drawTo(state.activeLabel)}
        onMouseUp={finish}
        onMouseLeave={finish}
        style={{ cursor: onBrush ? "crosshair" : "default" }}
      >
        <defs>
          <pattern
            id={hatch}
            width="6"
            height="6"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <path d="M0 0V6" stroke={COLOR.crosshair} strokeOpacity={0.35} strokeWidth={1.5} />
          </pattern>
        </defs>
        <CartesianGrid vertical={false} stroke={COLOR.line} />
        <XAxis
          dataKey="at"
          type="number"
          scale="time"
          domain={[range.from, range.to]}
          allowDataOverflow
          ticks={timeTicks(range.from, range.to, MOST_TICKS)}
          tickFormatter={(at: number) => tickText(at, span)}
          tick={TICK}
          stroke={COLOR.line}
          tickLine={false}
          interval="preserveStart"
          minTickGap={20}
          height={20}
        />
        <YAxis
          width={AXIS_PX}
          tick={TICK}
          stroke="none"
          tickCount={4}
          allowDecimals={!props.whole}
          tickFormatter={(n: number) => axisText(axis, n)}
        />
        {gaps.map((gap) => (
          <ReferenceArea
            key={gap.from}
            x1={gap.from}
            x2={gap.to}
            fill={`url(#${hatch})`}
            ifOverflow="hidden"
          />
        ))}
        {series.map((one) => shapeOf(one))}
        {marks.map((mark) => (
          <ReferenceLine
            key={`${mark.at}${mark.text}`}
            x={mark.at}
            stroke={COLOR.crosshair}
            strokeDasharray="2 2"
            ifOverflow="hidden"
            label={{ value: "◆", fontSize: 9, fill: COLOR.axis, position: "insideTop" }}
          />
        ))}
        {drag && <ReferenceArea x1={drag.from} x2={drag.to} fill="var(--accent)" fillOpacity={0.18} />}
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: COLOR.crosshair, strokeWidth: 1 }}
          content={({ active, label }) =>
            active ? <Reading at={numberOf(label as Label)} chart={props} /> : null
          }
        />
      </ComposedChart>
    </ResponsiveContainer>
  );
}

function axisText(series: TimeSeries | undefined, n: number): string {
  if (!series || n === 0) return "0";
  const q = series.format(n);
  return `${q.value}${q.unit}`;
}

function shapeOf(series: TimeSeries) {
  const common = {
    key: series.key,
    dataKey: series.key,
    name: series.title,
    stroke: series.color,
    strokeWidth: 1.5,
    isAnimationActive: false,
    connectNulls: false,
    dot: false,
    activeDot: { r: 2.5, strokeWidth: 0, fill: series.color },
  } as const;
  const { key, ...rest } = common;
  if (series.shape === "line")
    return <Line key={key} type="linear" strokeDasharray={series.dashed ? "4 3" : undefined} {...rest} />;
  const step = series.shape === "step";
  return (
    <Area
      key={key}
      type={step ? "stepAfter" : "linear"}
      stackId={series.stack}
      fill={series.color}
      fillOpacity={step ? 0.55 : 0.16}
      {...rest}
      strokeWidth={step ? 1 : 1.5}
    />
  );
}

/** What the crosshair reads: the instant, each series' value, and marks that fall into the bucket. */
function Reading({ at, chart }: { at: number | null; chart: TimeChartProps }) {
  const point = chart.points.find((p) => p.at === at);
  if (at === null || !point) return null;
  const marks = (chart.marks ?? []).filter((mark) => mark.at >= at && mark.at < at + chart.bucketMs);
  return (
    <div className="rounded-md border border-line bg-surface-1 px-2.5 py-1.5 text-xs shadow-overlay">
      <p className="figure mb-1 text-text-2">{fullText(at)}</p>
      {chart.series.map((series) => {
        const value = point[series.key];
        return (
          <p key={series.key} className="flex items-center gap-2">
            <span className="size-2 rounded-sm" style={{ background: series.color }} />
            <span className="grow pr-3 text-text-2">{series.title}</span>
            <Quantity value={value === null || value === undefined ? null : series.format(value)} />
          </p>
        );
      })}
      {marks.map((mark) => (
        <p key={mark.text} className="mt-1 max-w-60 text-text-2">
          ◆ {mark.text}
        </p>
      ))}
    </div>
  );
}
