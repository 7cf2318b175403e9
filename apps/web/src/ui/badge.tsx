/** A short mark beside a name. Colour repeats what the words say and never says it alone. */
import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";

const TONE = {
  neutral: "border-line text-text-2",
  ok: "border-line text-ok",
  warn: "border-line text-warn",
  bad: "border-line text-bad",
  accent: "border-transparent bg-accent-soft text-text-1",
} as const;
export type Tone = keyof typeof TONE;

export function Badge(props: { tone?: Tone; title?: string; children: ReactNode; className?: string }) {
  return (
    <span
      title={props.title}
      className={classNames(
        "inline-flex h-5 items-center gap-1 rounded border bg-surface-1 px-1.5 text-xs whitespace-nowrap",
        TONE[props.tone ?? "neutral"],
        props.className,
      )}
    >
      {props.children}
    </span>
  );
}
