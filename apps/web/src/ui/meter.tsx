/** How full something is. The number stands beside the bar; the bar turns only where it matters. */
import { classNames } from "./class-names.ts";

type MeterProps = { share: number; label: string; warnAt?: number; badAt?: number; className?: string };

export function Meter({ share, label, warnAt = 0.7, badAt = 0.9, className }: MeterProps) {
  const filled = Math.min(Math.max(share, 0), 1);
  const color = filled >= badAt ? "bg-bad" : filled >= warnAt ? "bg-warn" : "bg-line-strong";
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <meter> can't be styled alike in all browsers
    <span
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(filled * 100)}
      className={classNames("block h-1.5 min-w-12 overflow-hidden rounded-full bg-surface-2", className)}
    >
      <span
        className={classNames("block h-full rounded-full", color)}
        style={{ width: `${filled * 100}%` }}
      />
    </span>
  );
}
