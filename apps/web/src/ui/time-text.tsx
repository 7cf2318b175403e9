"use client";
/** An instant in the reader's zone, with its day unless that is today, and the full date and zone on hover. */
import { useSyncExternalStore } from "react";
import { ageText, dayText, fullText, momentText } from "./instant.ts";

const never = () => () => {};
/** True while hydrating: the server wrote UTC, and the first client rendering has to agree with it. */
export const useUtc = (): boolean =>
  useSyncExternalStore(
    never,
    () => false,
    () => true,
  );

type TimeTextProps = { at: number | null; as?: "clock" | "fine" | "day" | "age"; now?: number };

export function TimeText({ at, as = "clock", now }: TimeTextProps) {
  const utc = useUtc();
  if (at === null) return <span className="text-text-3">never</span>;
  const text =
    as === "age" && now !== undefined
      ? ageText(at, now)
      : as === "day"
        ? dayText(at, Date.now(), utc)
        : momentText(at, Date.now(), utc, as === "fine" ? 1 : 0);
  return (
    <time
      className="figure whitespace-nowrap"
      dateTime={new Date(at).toISOString()}
      title={fullText(at, utc)}
    >
      {text}
    </time>
  );
}
