"use client";
import { useSyncExternalStore } from "react";
import { classNames } from "./class-names.ts";
/**
 * Short answers to what the user did: done, or not done and why. Kept outside React, so that a mutation can
 * speak after its page is gone. Failures stay until dismissed.
 */
import { Icon } from "./icon.tsx";

export type Toast = { id: number; tone: "done" | "failed" | "working"; text: string; detail?: string };

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
const GLYPH = { done: "✓", failed: "✕", working: "…" } as const;

export function Toasts() {
  const shown = useSyncExternalStore(
    subscribe,
    () => toasts,
    () => NONE,
  );
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
          <span
            aria-hidden
            className={classNames(
              "figure",
              toast.tone === "failed" ? "text-bad" : toast.tone === "done" ? "text-ok" : "text-text-3",
            )}
          >
            {GLYPH[toast.tone]}
          </span>
          <div className="min-w-0 grow break-words">
            <p>{toast.text}</p>
            {toast.detail && <p className="text-xs text-text-2">{toast.detail}</p>}
          </div>
          <button
            type="button"
            aria-label="Dismiss"
            onClick={() => dismissToast(toast.id)}
            className="grid size-6 shrink-0 place-items-center rounded text-text-3 hover:bg-surface-2 hover:text-text-1"
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </section>
  );
}
