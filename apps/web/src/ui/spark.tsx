/**
 * A trend the size of a word, in plain SVG so that a table may hold hundreds. Gaps are drawn as gaps. For a
 * chart one can read values from, use time-chart.
 */
type SparkProps = {
  points: readonly (number | null)[];
  label: string;
  color?: string;
  width?: number;
  height?: number;
  /** Keeps the baseline at zero, which a rate needs and a latency does not. */
  fromZero?: boolean;
  className?: string;
};

export function sparkPath(
  points: readonly (number | null)[],
  width: number,
  height: number,
  fromZero = true,
): string {
  const known = points.filter((p): p is number => p !== null);
  if (known.length === 0) return "";
  const low = fromZero ? Math.min(0, ...known) : Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const step = points.length > 1 ? width / (points.length - 1) : 0;
  const pad = 1;
  let path = "";
  let broken = true;
  for (const [at, point] of points.entries()) {
    if (point === null) {
      broken = true;
      continue;
    }
    const y = height - pad - ((point - low) / span) * (height - 2 * pad);
    path += `${broken ? "M" : "L"}${round(at * step)} ${round(y)}`;
    broken = false;
  }
  return path;
}
const round = (n: number): number => Math.round(n * 10) / 10;

export function Spark({ points, label, color, width = 96, height = 20, fromZero, className }: SparkProps) {
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      preserveAspectRatio="none"
      className={className}
    >
      <path
        d={sparkPath(points, width, height, fromZero)}
        fill="none"
        stroke={color ?? "var(--text-3)"}
        strokeWidth={1.25}
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
