"use client";
/** What the matching flows are made of, by field; a click narrows to a value or leaves it out. */
import { parseFilter } from "@millrace/contract/filter";
import type { FlowFacets as Facets } from "@millrace/contract/flow";
import { count } from "@millrace/contract/units";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { classNames } from "@/ui/class-names.ts";
import { Icon } from "@/ui/icon.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Skeleton } from "@/ui/skeleton.tsx";
import { Answer } from "@/view/answer.tsx";
import { useKept } from "@/view/kept-answer.ts";
import { useView, type View } from "@/view/url-state.ts";

type TermState = "only" | "without" | null;
export function termState(filter: string, field: string, value: string): TermState {
  const term = parseFilter(filter).terms.find(
    (t) => t.field === field && t.operator === "=" && t.values.some((v) => v.text === value),
  );
  if (!term) return null;
  return term.negated ? "without" : "only";
}

/** Remembered, since the table beside it draws several times a second. */
export const FlowFacets = memo(function FlowFacets() {
  const view = useView();
  const trpc = useTRPC();
  const query = useKept(
    useQuery(
      trpc.flows.facets.queryOptions(
        { range: view.range, filter: view.filter },
        { placeholderData: keepPreviousData },
      ),
    ),
    view.question,
  );
  return (
    <Answer query={query} skeleton={<FacetSkeleton />}>
      {(facets) => (
        <div className="flex flex-col gap-4">
          {facets.some((facet) => facet.sampled) && (
            <p className="px-2 text-2xs text-text-3">
              Of the newest flows: the range has more than can be counted at once.
            </p>
          )}
          {facets
            .filter((facet) => facet.values.length > 0)
            .map((facet) => (
              <Facet key={facet.field} facet={facet} view={view} />
            ))}
        </div>
      )}
    </Answer>
  );
});

function Facet({ facet, view }: { facet: Facets[number]; view: View }) {
  const most = Math.max(...facet.values.map((v) => v.count), 1);
  return (
    <section aria-label={facet.title}>
      <h2 className="mb-1 flex items-baseline justify-between px-2 text-xs text-text-3">
        {facet.title}
        {facet.more > 0 && <span className="text-2xs">{facet.more} more</span>}
      </h2>
      <ul>
        {facet.values.map((entry) => (
          <FacetValue
            key={entry.value}
            value={entry.value}
            count={entry.count}
            share={entry.count / most}
            state={termState(view.filter, facet.field, entry.value)}
            name={`${facet.field}=${entry.value}`}
            onTerm={(exclude) => view.addTerm(facet.field, entry.value, exclude)}
            onClear={() => view.removeTerm(facet.field, entry.value)}
          />
        ))}
      </ul>
    </section>
  );
}

type FacetValueProps = {
  value: string;
  count: number;
  share: number;
  state: TermState;
  name: string;
  onTerm: (exclude: boolean) => void;
  onClear: () => void;
};

function FacetValue({ value, count: n, share, state, name, onTerm, onClear }: FacetValueProps) {
  return (
    <li className="group relative flex h-6 items-center rounded hover:bg-surface-2">
      <span
        aria-hidden
        className="absolute bottom-0 left-2 h-px bg-line-strong"
        style={{ width: `calc((100% - 16px) * ${share})` }}
      />
      <button
        type="button"
        aria-pressed={state === "only"}
        title={state === null ? `Only ${name}; with Alt without it` : `${name} is in the filter: take it out`}
        onClick={(event) => (state === null ? onTerm(event.altKey) : onClear())}
        className="flex h-6 min-w-0 grow items-center gap-2 px-2 text-left text-xs"
      >
        <span
          className={classNames(
            "grow truncate",
            state === "only" && "font-medium text-accent",
            state === "without" && "text-text-3 line-through",
          )}
        >
          {value}
        </span>
        <Quantity value={count(n)} className="text-text-2" />
      </button>
      <button
        type="button"
        aria-label={`Without ${name}`}
        title={`Without ${name}`}
        onClick={() => onTerm(true)}
        className="grid size-6 shrink-0 place-items-center rounded text-text-3 opacity-0 group-hover:opacity-100 hover:text-text-1 focus-visible:opacity-100"
      >
        <Icon name="close" size={12} />
      </button>
    </li>
  );
}

function FacetSkeleton() {
  return (
    <div role="status" aria-label="Loading facets" className="flex flex-col gap-4">
      {[5, 4, 6].map((rows) => (
        <div key={rows} className="flex flex-col gap-2 px-2">
          <Skeleton className="h-3 w-1/3" />
          {Array.from({ length: rows }, (_, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the bars have no identity but their place
            <Skeleton key={at} className="h-4 w-full" />
          ))}
        </div>
      ))}
    </div>
  );
}
