"use client";
/**
 * Views of one thing, side by side; arrow keys go from tab to tab. Which one is open belongs to the URL, so
 * it is always controlled. Written here: the library's weighs more than the pages that need it.
 */
import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";
import { classNames } from "./class-names.ts";

export type Tab = { id: string; title: string; hint?: ReactNode; content: ReactNode };
type TabsProps = { label: string; tabs: readonly Tab[]; open: string; onOpen: (id: string) => void };

/** Where an arrow, Home or End leads; null for other keys. */
export function tabAfter(key: string, at: number, count: number): number | null {
  if (key === "ArrowRight") return (at + 1) % count;
  if (key === "ArrowLeft") return (at - 1 + count) % count;
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}

export function Tabs({ label, tabs, open, onOpen }: TabsProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const shown = tabs.find((tab) => tab.id === open);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabAfter(
      event.key,
      tabs.findIndex((tab) => tab.id === open),
      tabs.length,
    );
    const next = at === null ? undefined : tabs[at];
    if (at === null || !next) return;
    event.preventDefault();
    onOpen(next.id);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[at]?.focus();
  };
  return (
    <>
      <div
        ref={list}
        role="tablist"
        aria-label={label}
        onKeyDown={onKeyDown}
        className="mb-4 flex gap-1 overflow-x-auto border-b border-line"
      >
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${id}-${tab.id}`}
            aria-selected={tab.id === open}
            aria-controls={tab.id === open ? `${id}-panel` : undefined}
            tabIndex={tab.id === open ? 0 : -1}
            onClick={() => onOpen(tab.id)}
            className={classNames(
              "-mb-px flex h-9 items-center gap-1.5 border-b-2 px-3 whitespace-nowrap hover:text-text-1",
              tab.id === open ? "border-accent text-text-1" : "border-transparent text-text-2",
            )}
          >
            {tab.title}
            {tab.hint}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${open}`}>
        {shown?.content}
      </div>
    </>
  );
}
