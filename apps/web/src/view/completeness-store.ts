"use client";
/**
 * What the page's data rests on, handed from the page to the chip in the top bar. The latest answer counts;
 * a page that says nothing leaves it empty, and the chip asks for itself.
 */
import type { Completeness } from "@millrace/contract/flow";
import { useEffect, useSyncExternalStore } from "react";

/** Below this share something is missing that is worth a word; the rest is reports that are just on their way. */
export const WHOLE_SHARE = 0.999;

let current: Completeness | null = null;
const listeners = new Set<() => void>();

function publish(next: Completeness | null): void {
  current = next;
  for (const listener of listeners) listener();
}
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function useReportCompleteness(completeness: Completeness | undefined): void {
  useEffect(() => {
    publish(completeness ?? null);
  }, [completeness]);
  useEffect(() => () => publish(null), []);
}

export function useReportedCompleteness(): Completeness | null {
  return useSyncExternalStore(
    subscribe,
    () => current,
    () => null,
  );
}
