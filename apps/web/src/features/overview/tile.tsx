"use client";
/** One figure with its trend, the same figure an equal time earlier, and the page that explains it. */
import type { Overview } from "@millrace/contract/overview";
import { percent, text } from "@millrace/contract/units";
import Link from "next/link";
import { Quantity } from "@/ui/quantity.tsx";
import { Spark } from "@/ui/spark.tsx";

type TileData = Overview["bytesPerSecond"];
type TileProps = {
  title: string;
  data: TileData;
  format: (n: number) => { value: string; unit: string };
  href: string;
  /** Whether more is worse: only then is a change worth a colour. */
  moreIsWorse?: boolean;
  fromZero?: boolean;
  color?: string;
};

/** The change against before, in words and with a sign; null when there is nothing to compare. */
export function changeText(now: number | null, before: number | null): { text: string; up: boolean } | null {
  if (now === null || before === null || before === 0) return null;
  const share = (now - before) / before;
  if (Math.abs(share) < 0.005) return { text: "as before", up: false };
  const size =
    Math.abs(share) > 9.99 ? "×10 or more" : text(percent(Math.round(Math.abs(share) * 100) / 100));
  return { text: `${share > 0 ? "▴" : "▾"} ${size}`, up: share > 0 };
}

export function Tile({ title, data, format, href, moreIsWorse, fromZero = true, color }: TileProps) {
  const change = changeText(data.now, data.before);
  const alarming = moreIsWorse && change?.up;
  return (
    <Link href={href} className="flex min-w-0 flex-col gap-1 px-4 py-3 hover:bg-surface-1">
      <span className="text-xs text-text-2">{title}</span>
      <span className="flex items-baseline gap-2">
        <Quantity value={data.now === null ? null : format(data.now)} className="text-xl" />
        {change && (
          <span
            className={`figure text-2xs whitespace-nowrap ${alarming ? "text-warn" : "text-text-3"}`}
            title="Against the same length of time before"
          >
            {change.text}
          </span>
        )}
      </span>
      <Spark
        points={data.line.map((point) => point.value)}
        label={`Trend of ${title}`}
        width={160}
        height={28}
        fromZero={fromZero}
        color={color ?? "var(--series-1)"}
        className="h-7 w-full"
      />
    </Link>
  );
}
