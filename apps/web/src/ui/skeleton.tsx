/** Grey bars of the size that the data will have, so that nothing moves when it comes. */
import { classNames } from "./class-names.ts";

export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={classNames("block animate-pulse rounded bg-surface-2", className)} />;
}

const WIDTHS = ["w-2/3", "w-1/2", "w-3/4", "w-3/5"];
export function SkeletonRows({ rows, label = "Loading" }: { rows: number; label?: string }) {
  return (
    <div role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars have no identity but their place
        <div key={row} className="flex h-7 items-center border-b border-line px-3">
          <Skeleton className={classNames("h-3", WIDTHS[row % WIDTHS.length])} />
        </div>
      ))}
    </div>
  );
}
