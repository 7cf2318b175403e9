/**
 * The operator API as server components call it: in process, with the visitor's own session, to fill the
 * page's query cache before it is sent. Not for route handlers.
 */
import "server-only";
import {
  dehydrate,
  type FetchInfiniteQueryOptions,
  type FetchQueryOptions,
  HydrationBoundary,
  type QueryKey,
} from "@tanstack/react-query";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { headers } from "next/headers";
import { cache, type ReactNode } from "react";
import { createContext } from "@/server/context.ts";
import { appRouter } from "@/server/root.ts";
import { makeQueryClient } from "./query-client.ts";

export const getQueryClient = cache(() => makeQueryClient());
export const getContext = cache(async () => createContext({ headers: new Headers(await headers()) }));

export const trpc = createTRPCOptionsProxy({
  router: appRouter,
  ctx: getContext,
  queryClient: getQueryClient,
});

/** A fast answer is part of the page's first HTML; a slower one follows in the same response. */
const PATIENCE_MS = 120;

export async function prefetch<Data, Failure, Shown, Key extends QueryKey>(
  ...queries: FetchQueryOptions<Data, Failure, Shown, Key>[]
): Promise<void> {
  const client = getQueryClient();
  const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
  const all = Promise.all(queries.map((query) => client.prefetchQuery({ ...query, retry: false })));
  await Promise.race([all, patience]);
}

/** The first page of a list that goes on. */
export async function prefetchInfinite<Data, Failure, Shown, Key extends QueryKey, Param>(
  query: FetchInfiniteQueryOptions<Data, Failure, Shown, Key, Param>,
): Promise<void> {
  const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
  await Promise.race([getQueryClient().prefetchInfiniteQuery({ ...query, retry: false }), patience]);
}

export function HydrateClient({ children }: { children: ReactNode }) {
  return <HydrationBoundary state={dehydrate(getQueryClient())}>{children}</HydrationBoundary>;
}
