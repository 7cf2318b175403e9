"use client";
import { useSyncExternalStore } from "react";
import { Button } from "./button.tsx";
import { classNames } from "./class-names.ts";
/**
 * Short answers to what the user did: done, done in part, or not done and why; or still under way, and then the
 * way to stop it. Kept outside React, so that a mutation can speak after its page is gone. What isn't all well
 * stays until dismissed.
 */
import { Icon } from "./icon.tsx";

export type Toast = {
  id: number;
  tone: "done" | "partial" | "failed" | "working";
  text: string;
  detail?: string;
  /** Of what is under way: stops it, and stands where others are dismissed. */
  onCancel?: () => void;
};

const LIMIT = 4;
const STAY_MS = 5000;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function publish(next: readonly Toast[]): void {
  toasts = next.slice(-LIMIT);
  for (const listener of listeners) listener();
}
export function dismissToast(id: number): void {
  publish(toasts.filter((toast) => toast.id !== id));
}
/** Shows a toast, or replaces the one whose id is given; gives the id. */
export function showToast(toast: Omit<Toast, "id">, id: number = nextId++): number {
  const entry = { ...toast, id };
  publish(
    toasts.some((t) => t.id === id) ? toasts.map((t) => (t.id === id ? entry : t)) : [...toasts, entry],
  );
  if (toast.tone === "done") setTimeout(() => dismissToast(id), STAY_MS);
  return id;
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
const NONE: readonly Toast[] = [];
export const shownToasts = (): readonly Toast[] => toasts;
const LOOK: Record<Toast["tone"], { glyph: string; look: string }> = {
  done: { glyph: "✓", look: "text-ok" },
  partial: { glyph: "▲", look: "text-warn" },
  failed: { glyph: "✕", look: "text-bad" },
  working: { glyph: "…", look: "text-text-3" },
};

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, shownToasts, () => NONE);
  return (
    <section
      aria-label="Messages"
      aria-live="polite"
      className="fixed right-3 bottom-3 z-50 flex w-80 max-w-[calc(100vw-24px)] flex-col gap-2"
    >
      {shown.map((toast) => (
        <div
          key={toast.id}
          className="enter flex items-start gap-2 rounded-md border border-line bg-surface-1 p-3 shadow-overlay"
        >
          <span aria-hidden className={classNames("figure", LOOK[toast.tone].look)}>
            {LOOK[toast.tone].glyph}
          </span>
          <div className="min-w-0 grow break-words">
            <p>{toast.text}</p>
            {toast.detail && <p className="text-xs text-text-2">{toast.detail}</p>}
          </div>
          {toast.onCancel ? (
            <Button size="sm" variant="quiet" onClick={toast.onCancel}>
              Cancel
            </Button>
          ) : (
            <Button size="tiny" variant="quiet" aria-label="Dismiss" onClick={() => dismissToast(toast.id)}>
              <Icon name="close" />
            </Button>
          )}
        </div>
      ))}
    </section>
  );
}
