"use client";
/** Gives the focus back to where it was when something opened, once that closes with the focus inside. */
import { type RefObject, useLayoutEffect, useRef } from "react";

/** Not for modal dialogs: those hold the focus until they close (dialog.tsx). */
export function useFocusReturn(panel: RefObject<HTMLElement | null>): void {
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    before.current = document.activeElement;
    const element = panel.current;
    return () => {
      if (element?.contains(document.activeElement)) giveFocusBack(before.current);
    };
  }, [panel]);
}

export function giveFocusBack(to: Element | null): void {
  if (to instanceof HTMLElement && to.isConnected) to.focus({ preventScroll: true });
}
