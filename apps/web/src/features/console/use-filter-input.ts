"use client";
/** The filter bar's state: the text being written, its problems, what completes it. Drawn by filter-bar. */
import { parseFilter } from "@millrace/contract/filter";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import type { Range } from "@/view/time-range.ts";
import {
  type Completion,
  complete,
  completionAt,
  fixedValues,
  type Suggestion,
  suggestFields,
  suggestValues,
  tabCompletes,
} from "./filter-completion.ts";

const NONE: readonly string[] = [];

export function useFilterInput(applied: string, range: Range) {
  const [draft, setDraft] = useState(applied);
  const [lastApplied, setLastApplied] = useState(applied);
  const [caret, setCaret] = useState(0);
  const [active, setActive] = useState(-1);
  // A filter changed from elsewhere (a facet, the back button) replaces what stands in the bar.
  if (applied !== lastApplied) {
    setLastApplied(applied);
    setDraft(applied);
  }
  const problems = useMemo(() => parseFilter(draft).problems, [draft]);
  const completion = completionAt(draft, Math.min(caret, draft.length));
  const suggestions = useSuggestions(completion, range);
  const chosen = active >= 0 ? suggestions[active] : undefined;
  return {
    draft,
    problems,
    suggestions,
    active,
    chosen,
    tabCompletes: tabCompletes(completion, chosen !== undefined),
    setActive,
    edit: (text: string, at: number) => {
      setDraft(text);
      setCaret(at);
      setActive(-1);
    },
    moveCaret: setCaret,
    /** Gives the caret's new place. */
    accept: (suggestion: Suggestion): { caret: number; text: string; done: boolean } => {
      const next = complete(draft, completion, suggestion.text);
      setDraft(next.text);
      setCaret(next.caret);
      setActive(-1);
      return next;
    },
    reset: () => setDraft(applied),
  };
}

function useSuggestions(completion: Completion, range: Range): Suggestion[] {
  const trpc = useTRPC();
  const field = completion.kind === "value" ? completion.field : "";
  const fixed = completion.kind === "value" ? fixedValues(field) : NONE;
  const prefix = useDeferredValue(completion.prefix);
  const asked = useQuery(
    trpc.flows.complete.queryOptions(
      { field, prefix, range },
      { enabled: fixed === null, placeholderData: keepPreviousData, retry: false },
    ),
  );
  if (completion.kind === "field") return suggestFields(completion.prefix);
  return suggestValues(fixed ?? asked.data ?? NONE, completion.prefix);
}
