"use client";
/**
 * One clock for the page: the server's time, since the reader's may be wrong, and the pause that holds every
 * moving range and stream still. It ticks once a second and wakes only those whose step has passed.
 */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useState,
  useSyncExternalStore,
} from "react";

type Clock = {
  now: () => number;
  start: number;
  subscribe: (listener: () => void) => () => void;
  paused: () => boolean;
  setPaused: (paused: boolean) => void;
};

const TICK_MS = 1000;

function makeClock(serverNow: number): Clock {
  const listeners = new Set<() => void>();
  let offset: number | null = null;
  let heldAt: number | null = null;
  let timer: ReturnType<typeof setInterval> | null = null;
  const wake = () => {
    for (const listener of listeners) listener();
  };
  const running = () => {
    offset ??= serverNow - Date.now();
    return Date.now() + offset;
  };
  return {
    start: serverNow,
    now: () => heldAt ?? running(),
    paused: () => heldAt !== null,
    setPaused: (paused) => {
      heldAt = paused ? running() : null;
      wake();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      timer ??= setInterval(wake, TICK_MS);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || !timer) return;
        clearInterval(timer);
        timer = null;
      };
    },
  };
}

const ClockContext = createContext<Clock | null>(null);

export function ClockProvider({ serverNow, children }: { serverNow: number; children: ReactNode }) {
  const [clock] = useState(() => makeClock(serverNow));
  return <ClockContext value={clock}>{children}</ClockContext>;
}

function useClock(): Clock {
  const clock = useContext(ClockContext);
  if (!clock) throw new Error("useClock needs a ClockProvider above it");
  return clock;
}

/** The time, as it was at the last multiple of the step. */
export function useNow(stepMs = TICK_MS): number {
  const clock = useClock();
  const rounded = (at: number) => Math.floor(at / stepMs) * stepMs;
  return useSyncExternalStore(
    clock.subscribe,
    () => rounded(clock.now()),
    () => rounded(clock.start),
  );
}

/** For event handlers: the exact time, without rendering again each second. */
export function useReadClock(): () => number {
  return useClock().now;
}

export function usePaused(): [boolean, (paused: boolean) => void] {
  const clock = useClock();
  const paused = useSyncExternalStore(clock.subscribe, clock.paused, () => false);
  return [paused, useCallback((next) => clock.setPaused(next), [clock])];
}
