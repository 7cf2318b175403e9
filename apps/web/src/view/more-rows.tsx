"use client";
/** A list that is loaded a page at a time: when the next one is asked for, and what stands below the last row. */
import { type ReactNode, useCallback } from "react";
import { Button } from "@/ui/button.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";

type Paged = { hasNextPage: boolean; isFetching: boolean; isFetchNextPageError: boolean; error: unknown };

/** A page that failed is asked for again by hand only: by itself it would be without end. */
export const wantsNextPage = ({ hasNextPage, isFetching, isFetchNextPageError }: Paged): boolean =>
  hasNextPage && !isFetching && !isFetchNextPageError;

/** For the moment when the end of the list comes in sight. */
export function useNextPage(query: Paged & { fetchNextPage: () => unknown }): () => void {
  const { fetchNextPage } = query;
  const wanted = wantsNextPage(query);
  return useCallback(() => {
    if (wanted) void fetchNextPage();
  }, [wanted, fetchNextPage]);
}

type ListEndProps = {
  query: Paged & { fetchNextPage: () => unknown };
  /** The rows' plural: flows. */
  what: string;
  /** Once there are no more. */
  children?: ReactNode;
};

export function ListEnd({ query, what, children }: ListEndProps) {
  if (query.isFetchNextPageError)
    return (
      <p role="alert" className="flex h-9 items-center gap-2 px-3 text-bad">
        The next {what} could not be loaded.
        <Button size="sm" onClick={() => void query.fetchNextPage()}>
          Try again
        </Button>
      </p>
    );
  if (query.hasNextPage) return <SkeletonRows rows={3} label={`Loading more ${what}`} />;
  if (query.error || !children) return null;
  return <p className="h-9 px-3 py-2 text-text-3">{children}</p>;
}
