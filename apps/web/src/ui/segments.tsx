"use client";
/** One of a few choices, all of them in sight. Controlled: which one holds belongs to the URL. */
import { classNames } from "./class-names.ts";

type SegmentsProps<Value extends string> = {
  label: string;
  /** Before the choices, for everybody's eyes. */
  title?: string;
  choices: readonly { value: Value; title: string; help?: string }[];
  value: Value;
  onChoose: (value: Value) => void;
};

export function Segments<Value extends string>(props: SegmentsProps<Value>) {
  return (
    <fieldset className="flex items-center gap-2">
      <legend className="sr-only">{props.label}</legend>
      {props.title && (
        <span aria-hidden className="text-xs text-text-2">
          {props.title}
        </span>
      )}
      <span className="flex rounded-md border border-line">
        {props.choices.map(({ value, title, help }) => (
          <button
            key={value}
            type="button"
            aria-pressed={value === props.value}
            title={help}
            onClick={() => props.onChoose(value)}
            className={classNames(
              "h-7 px-2.5 text-xs first:rounded-l-[5px] last:rounded-r-[5px]",
              value === props.value
                ? "bg-surface-2 text-text-1"
                : "text-text-2 hover:bg-surface-1 hover:text-text-1",
            )}
          >
            {title}
          </button>
        ))}
      </span>
    </fieldset>
  );
}
