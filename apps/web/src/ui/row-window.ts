"use client";
/**
 * Which rows of a long list are in view. Rows are all of one height, which makes this arithmetic; lists of
 * unlike heights need a real virtualizer.
 */
import { type RefObject, useCallback, useLayoutEffect, useState } from "react";

export type RowWindow = { readonly from: number; readonly to: number };
type View = { top: number; height: number };

/** Rows kept beyond the view, so that a fast hand doesn't reach the end of what is drawn. */
const SPARE = 12;
/** The window moves in steps: most scroll events then draw nothing anew. */
const STEP = 6;
/** Before the first measurement, and on the server: about a screen. */
const FIRST_VIEW: View = { top: 0, height: 840 };

export function windowOf(view: View, count: number, rowPx: number): RowWindow {
  const first = Math.floor(Math.max(0, view.top) / rowPx / STEP) * STEP;
  const last = Math.ceil((Math.max(0, view.top) + view.height) / rowPx / STEP) * STEP;
  const to = Math.min(count, last + SPARE);
  return { from: Math.max(0, Math.min(first - SPARE, to)), to };
}

/** How far to scroll so that a row is in view below a header of one row's height; null when it is already. */
export function scrollTo(view: View, index: number, rowPx: number): number | null {
  const top = index * rowPx;
  if (top < view.top) return top;
  const bottom = top + 2 * rowPx;
  return bottom > view.top + view.height ? bottom - view.height : null;
}

const viewOf = (element: HTMLElement): View => ({ top: element.scrollTop, height: element.clientHeight });

export function useRowWindow(scroller: RefObject<HTMLElement | null>, count: number, rowPx: number) {
  const [{ from, to }, setWindow] = useState(() => windowOf(FIRST_VIEW, count, rowPx));
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => {
      const next = windowOf(viewOf(element), count, rowPx);
      setWindow((old) => (old.from === next.from && old.to === next.to ? old : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [scroller, count, rowPx]);
  const show = useCallback(
    (index: number) => {
      const element = scroller.current;
      const top = element && scrollTo(viewOf(element), index, rowPx);
      if (element && top !== null) element.scrollTop = top;
    },
    [scroller, rowPx],
  );
  return { from, to: Math.min(to, count), show };
}
