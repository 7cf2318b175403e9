"use client";
/** Below the filter: what is wrong with it, in sentences, and what may be written next. */
import type { FilterProblem } from "@millrace/contract/filter";
import { classNames } from "@/ui/class-names.ts";
import type { Suggestion } from "./filter-completion.ts";

type FilterSuggestionsProps = {
  id: string;
  problems: readonly FilterProblem[];
  suggestions: readonly Suggestion[];
  active: number;
  onAccept: (suggestion: Suggestion) => void;
};

export function FilterSuggestions({ id, problems, suggestions, active, onAccept }: FilterSuggestionsProps) {
  return (
    <div className="enter absolute top-9 left-0 z-30 w-full min-w-72 overflow-hidden rounded-md border border-line bg-surface-1 shadow-overlay">
      <FilterProblems id={`${id}-problems`} problems={problems} />
      <div id={`${id}-list`} role="listbox" aria-label="Completions" className="max-h-80 overflow-auto p-1">
        {suggestions.map((suggestion, at) => (
          // biome-ignore lint/a11y/useFocusableInteractive: reached by the input's active descendant
          // biome-ignore lint/a11y/useKeyWithClickEvents: Enter and Tab in the input do the same
          <div
            key={suggestion.text}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onAccept(suggestion)}
            className={classNames(
              "flex h-7 cursor-pointer items-center gap-3 rounded px-2 text-xs hover:bg-surface-2",
              at === active && "bg-surface-2",
            )}
          >
            <span className="figure">{suggestion.text}</span>
            <span className="truncate text-text-3">{suggestion.hint}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

function FilterProblems(props: { id: string; problems: readonly FilterProblem[] }) {
  if (props.problems.length === 0) return null;
  return (
    <ul id={props.id} className="border-b border-line px-3 py-2 text-xs text-dropped">
      {props.problems.map((problem) => (
        <li key={`${problem.start}${problem.message}`}>{problem.message}</li>
      ))}
    </ul>
  );
}
