/** What a time chart is given, and the figures its legend shows. No drawing here. */
import type { ReactNode } from "react";

export type TimePoint = { at: number } & Record<string, number | null>;
export type TimeSeries = {
  readonly key: string;
  readonly title: string;
  readonly color: string;
  readonly format: (n: number) => { value: string; unit: string };
  readonly shape: "area" | "line" | "step";
  /** Series of one stack add up. */
  readonly stack?: string;
  readonly dashed?: boolean;
};
export type TimeMark = { at: number; text: string };
export type Span = { from: number; to: number };
export type TimeChartProps = {
  title: string;
  points: readonly TimePoint[];
  series: readonly TimeSeries[];
  range: Span;
  bucketMs: number;
  height: number;
  gaps?: readonly Span[];
  marks?: readonly TimeMark[];
  /** Charts of one page share their crosshair. */
  sync?: string;
  onBrush?: (span: Span) => void;
  /** Beside the title: a figure, a link. */
  note?: ReactNode;
  hideLegend?: boolean;
  /** Counts have no halves on the axis. */
  whole?: boolean;
};

/**
 * The points as a stack of steps draws them: a stretch of zeros is a gap, so that its border isn't drawn on
 * top of the series below. The zero that ends a step stays, or the step would have no width.
 */
export function withoutIdle(points: readonly TimePoint[], keys: readonly string[]): TimePoint[] {
  return points.map((point, at) => {
    const drawn: TimePoint = { ...point };
    for (const key of keys) if (point[key] === 0 && !points[at - 1]?.[key]) drawn[key] = null;
    return drawn;
  });
}

export type Summary = { current: number | null; min: number | null; max: number | null };

export function summaryOf(points: readonly TimePoint[], key: string): Summary {
  let min: number | null = null;
  let max: number | null = null;
  let current: number | null = null;
  for (const point of points) {
    const value = point[key];
    if (value === null || value === undefined) continue;
    current = value;
    min = min === null || value < min ? value : min;
    max = max === null || value > max ? value : max;
  }
  return { current, min, max };
}

/** Where two drags' labels end: whole buckets, or null when nothing was dragged over. */
export function brushedSpan(a: number | null, b: number | null, bucketMs: number): Span | null {
  if (a === null || b === null || a === b) return null;
  return { from: Math.min(a, b), to: Math.max(a, b) + bucketMs };
}
