"use client";
/** Inputs with their label, hint and problem. The label is always visible: a placeholder is an example. */
import { type ComponentProps, type ReactNode, useId } from "react";
import { classNames } from "./class-names.ts";

export const inputLook =
  "h-8 w-full min-w-0 rounded-md border border-line-strong bg-surface-0 px-2.5 text-sm text-text-1 placeholder:text-text-3 aria-invalid:border-dropped";

type FieldProps = { label: string; hint?: ReactNode; problem?: string | null; className?: string };

function Frame(props: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className={classNames("flex min-w-0 flex-col gap-1", props.className)}>
      <label htmlFor={props.id} className="text-xs text-text-2">
        {props.label}
      </label>
      {props.children}
      {(props.problem || props.hint) && (
        <p
          id={`${props.id}-note`}
          className={classNames("text-xs", props.problem ? "text-dropped" : "text-text-3")}
        >
          {props.problem ?? props.hint}
        </p>
      )}
    </div>
  );
}

type Text = Omit<ComponentProps<"input">, "className"> & FieldProps & { figure?: boolean };
export function TextField({ label, hint, problem, className, figure, ...input }: Text) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} problem={problem} className={className}>
      <input
        id={id}
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem || hint ? `${id}-note` : undefined}
        className={classNames(inputLook, figure && "figure")}
        spellCheck={false}
        {...input}
      />
    </Frame>
  );
}

type Choice = Omit<ComponentProps<"select">, "className"> &
  FieldProps & { options: readonly { value: string; title: string }[] };
export function SelectField({ label, hint, problem, className, options, ...select }: Choice) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} problem={problem} className={className}>
      <select id={id} className={inputLook} {...select}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.title}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export function CheckField(props: {
  label: ReactNode;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label className="flex min-h-6 items-center gap-2 text-sm">
      <input
        type="checkbox"
        className="size-4 accent-accent"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.target.checked)}
      />
      {props.label}
    </label>
  );
}
