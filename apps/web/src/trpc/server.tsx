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

/**
 * A fast answer is part of the page's first HTML. A slower one the browser asks for itself: handing it over
 * half done would let the browser draw something else than the server did.
 */
const PATIENCE_MS = 150;

async function patiently(fetched: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([fetched, patience]);
  clearTimeout(timer);
}

export async function prefetch<Data, Failure, Shown, Key extends QueryKey>(
  query: FetchQueryOptions<Data, Failure, Shown, Key>,
): Promise<void> {
  await patiently(getQueryClient().prefetchQuery({ ...query, retry: false }));
}

/** The first page of a list that goes on. */
export async function prefetchInfinite<Data, Failure, Shown, Key extends QueryKey, Param>(
  query: FetchInfiniteQueryOptions<Data, Failure, Shown, Key, Param>,
): Promise<void> {
  await patiently(getQueryClient().prefetchInfiniteQuery({ ...query, retry: false }));
}

export function HydrateClient({ children }: { children: ReactNode }) {
  return <HydrationBoundary state={dehydrate(getQueryClient())}>{children}</HydrationBoundary>;
}
