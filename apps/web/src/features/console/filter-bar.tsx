"use client";
import dynamic from "next/dynamic";
import { usePathname, useRouter } from "next/navigation";
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { classNames } from "@/ui/class-names.ts";
import { useHotkeys } from "@/ui/hotkeys.ts";
/**
 * The filter as a line of text with completion; what can't be read is underlined where it stands. On pages
 * that have no flows to filter, it leads to the flows that match.
 */
import { Icon } from "@/ui/icon.tsx";
import { useHref, useView } from "@/view/url-state.ts";
import { FilterUnderlines } from "./filter-underlines.tsx";
import { useFilterInput } from "./use-filter-input.ts";

const FilterSuggestions = dynamic(() => import("./filter-suggestions.tsx").then((m) => m.FilterSuggestions), {
  ssr: false,
});

const FILTERED_PAGES = ["/flows", "/drops"];

export function FilterBar() {
  const { filter, range, setFilter } = useView();
  const router = useRouter();
  const path = usePathname();
  const link = useHref();
  const state = useFilterInput(filter, range);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const id = useId();
  useHotkeys([{ key: "/", run: () => input.current?.focus() }]);

  const apply = (text: string) => {
    setOpen(false);
    if (FILTERED_PAGES.includes(path)) setFilter(text.trim());
    else if (text.trim()) router.push(link("/flows", { q: text.trim() }));
  };
  const accept = (suggestion: { text: string; hint: string }) => {
    const { caret, text, done } = state.accept(suggestion);
    if (done && FILTERED_PAGES.includes(path)) setFilter(text.trim());
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(caret, caret);
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = state.suggestions.length - 1;
    if (event.key === "ArrowDown") state.setActive(Math.min(state.active + 1, last));
    else if (event.key === "ArrowUp") state.setActive(Math.max(state.active - 1, -1));
    else if (event.key === "Tab" && open && state.suggestions[0] && state.tabCompletes && !event.shiftKey)
      accept(state.chosen ?? state.suggestions[0]);
    else if (event.key === "Enter") state.chosen ? accept(state.chosen) : apply(state.draft);
    else if (event.key === "Escape") {
      state.reset();
      setOpen(false);
      input.current?.blur();
    } else return;
    event.preventDefault();
    if (event.key.startsWith("Arrow")) setOpen(true);
  };
  const listed = open && state.suggestions.length > 0;
  const bad = state.problems.length > 0;
  return (
    <search className="relative min-w-0 grow basis-60">
      <Icon name="filter" className="absolute top-2.25 left-2.5 z-10 text-text-3" />
      <FilterUnderlines ref={mirror} text={state.draft} problems={state.problems} />
      <input
        ref={input}
        role="combobox"
        aria-label="Filter"
        aria-expanded={listed}
        aria-controls={`${id}-list`}
        aria-activedescendant={listed && state.active >= 0 ? `${id}-${state.active}` : undefined}
        aria-autocomplete="list"
        aria-invalid={bad || undefined}
        aria-describedby={bad ? `${id}-problems` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder="Filter: src.service=checkout verdict=dropped rtt>5ms"
        value={state.draft}
        onChange={(event) => {
          state.edit(event.target.value, event.target.selectionStart ?? event.target.value.length);
          setOpen(true);
        }}
        onSelect={(event) => state.moveCaret(event.currentTarget.selectionStart ?? 0)}
        onScroll={(event) => {
          if (mirror.current) mirror.current.scrollLeft = event.currentTarget.scrollLeft;
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
        className={classNames(
          "figure relative h-8 w-full rounded-md border bg-transparent pr-8 pl-8 text-xs placeholder:font-sans placeholder:tracking-normal placeholder:text-text-3",
          bad ? "border-dropped" : "border-line-strong",
        )}
      />
      {state.draft && (
        <button
          type="button"
          aria-label="Clear the filter"
          className="absolute top-1 right-1 grid size-6 place-items-center rounded text-text-3 hover:bg-surface-2 hover:text-text-1"
          onClick={() => {
            state.edit("", 0);
            apply("");
            if (FILTERED_PAGES.includes(path)) setFilter("");
          }}
        >
          <Icon name="close" />
        </button>
      )}
      {open && (listed || bad) && (
        <FilterSuggestions
          id={id}
          problems={state.problems}
          suggestions={state.suggestions}
          active={state.active}
          onAccept={accept}
        />
      )}
    </search>
  );
}
