"use client";
/** An instant as an age that keeps up by itself, for cells that are drawn once. */
import { TimeText } from "@/ui/time-text.tsx";
import { useNow } from "@/view/clock.tsx";

export function Age({ at }: { at: number | null }) {
  const now = useNow();
  return <TimeText at={at} as="age" now={now} />;
}
