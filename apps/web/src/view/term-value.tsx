"use client";
import type { ReactNode } from "react";
import { classNames } from "@/ui/class-names.ts";
/** A value that stands for a filter term: click for only these, the minus for all but these. */
import { Icon } from "@/ui/icon.tsx";
import { useView } from "./url-state.ts";

type TermValueProps = { field: string; value: string; children?: ReactNode; className?: string };

export function TermValue({ field, value, children, className }: TermValueProps) {
  const { addTerm } = useView();
  return (
    <span className="group/term inline-flex min-w-0 items-center gap-0.5">
      <button
        type="button"
        title={`Only ${field}=${value}`}
        onClick={(event) => addTerm(field, value, event.altKey)}
        className={classNames(
          "min-h-6 min-w-0 truncate text-left hover:text-accent hover:underline",
          className,
        )}
      >
        {children ?? value}
      </button>
      <button
        type="button"
        aria-label={`Without ${field}=${value}`}
        title={`Without ${field}=${value}`}
        onClick={() => addTerm(field, value, true)}
        className="grid size-6 shrink-0 place-items-center rounded text-text-3 opacity-0 group-hover/term:opacity-100 hover:bg-surface-2 focus-visible:opacity-100"
      >
        <Icon name="minus" size={12} />
      </button>
    </span>
  );
}
