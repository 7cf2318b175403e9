"use client";
/** Text with its lines numbered; those with a problem are marked. A plain textarea, so every key does what it does elsewhere. */
import { type Ref, useId } from "react";
import { classNames } from "@/ui/class-names.ts";

const LEAST_LINES = 24;

type YamlAreaProps = {
  ref: Ref<HTMLTextAreaElement>;
  label: string;
  value: string;
  /** From 1. */
  marked: ReadonlySet<number>;
  onChange: (text: string) => void;
};

export function YamlArea({ ref, label, value, marked, onChange }: YamlAreaProps) {
  const id = useId();
  const lines = Math.max(LEAST_LINES, value.split("\n").length);
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-xs text-text-2">
        {label}
      </label>
      <div className="figure flex max-h-[70vh] overflow-auto rounded-md border border-line-strong bg-surface-0 text-xs leading-5 has-focus-visible:outline-2 has-focus-visible:outline-accent">
        <ol
          aria-hidden
          className="h-fit shrink-0 border-r border-line py-2 text-right text-text-3 select-none"
        >
          {Array.from({ length: lines }, (_, at) => (
            <li
              // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
              key={at}
              className={classNames("px-2", marked.has(at + 1) && "bg-surface-2 text-dropped")}
            >
              {marked.has(at + 1) && "✕ "}
              {at + 1}
            </li>
          ))}
        </ol>
        <textarea
          ref={ref}
          id={id}
          value={value}
          rows={lines}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          aria-invalid={marked.size > 0 || undefined}
          onChange={(event) => onChange(event.target.value)}
          className="h-fit min-w-0 grow resize-none overflow-x-auto overflow-y-hidden px-3 pt-2 pb-5 whitespace-pre outline-none"
        />
      </div>
    </div>
  );
}

/** Selects the line, and brings it into view with the focus. */
export function goToLine(area: HTMLTextAreaElement | null, line: number): void {
  if (!area) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
