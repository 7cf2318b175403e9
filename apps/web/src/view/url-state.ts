"use client";
import { withoutTerm, withTerm } from "@millrace/contract/filter";
/** The address as state: the time, the filter, and links that take both along. */
import { useQueryStates } from "nuqs";
import { useCallback, useMemo } from "react";
import { useNow } from "./clock.tsx";
import { type Range, resolve, stepOf, type TimeChoice, timeChoiceText } from "./time-range.ts";
import { viewParams } from "./url-params.ts";

export type View = {
  readonly choice: TimeChoice;
  readonly range: Range;
  readonly filter: string;
  /** The choice and the filter: what stays the same while the time moves on. */
  readonly question: string;
  readonly setChoice: (choice: TimeChoice) => void;
  readonly setSpan: (span: Range) => void;
  readonly setFilter: (filter: string) => void;
  readonly addTerm: (field: string, value: string, exclude?: boolean) => void;
  readonly removeTerm: (field: string, value: string) => void;
};

export function useView(): View {
  const [{ t: choice, q: filter }, set] = useQueryStates(viewParams, { history: "push" });
  const now = useNow(stepOf(choice));
  const range = useMemo(() => resolve(choice, now), [choice, now]);
  return {
    choice,
    range,
    filter,
    question: `${timeChoiceText(choice)}\n${filter}`,
    setChoice: useCallback((t: TimeChoice) => void set({ t }), [set]),
    setSpan: useCallback(({ from, to }: Range) => void set({ t: { kind: "fixed", from, to } }), [set]),
    setFilter: useCallback((q: string) => void set({ q: q || null }), [set]),
    addTerm: useCallback(
      (field: string, value: string, exclude = false) =>
        void set((old) => ({ q: withTerm(old.q, field, value, exclude) })),
      [set],
    ),
    removeTerm: useCallback(
      (field: string, value: string) => void set((old) => ({ q: withoutTerm(old.q, field, value) || null })),
      [set],
    ),
  };
}

/** An address with parameters; what is empty is left out. */
export function href(path: string, params: Record<string, string | number | null | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Links to other pages keep the time that is being looked at. */
export function useHref(): (
  path: string,
  params?: Record<string, string | number | null | undefined>,
) => string {
  const [{ t }] = useQueryStates(viewParams);
  const time = t.kind === "live" ? undefined : timeChoiceText(t);
  return (path, params) => href(path, { t: time, ...params });
}
