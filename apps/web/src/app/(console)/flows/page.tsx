/** Flows: live tail and history in one table. */
import type { Metadata } from "next";
import { createLoader, type SearchParams } from "nuqs/server";
import { FlowPage } from "@/features/flow/flow-page.tsx";
import { flowParams } from "@/features/flow/flow-params.ts";
import { historyInput } from "@/features/flow/history-input.ts";
import { HydrateClient, prefetch, prefetchInfinite, trpc } from "@/trpc/server.tsx";
import { loadView } from "@/view/load-view.ts";
import { resolve } from "@/view/time-range.ts";

export const metadata: Metadata = { title: "Flows" };
const loadFlows = createLoader(flowParams);

export default async function Page({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const params = await searchParams;
  const { t: choice, q: filter } = loadView(params);
  const { sort } = loadFlows(params);
  const range = resolve(choice, Date.now());
  await Promise.all([
    prefetchInfinite(
      trpc.flows.search.infiniteQueryOptions(historyInput({ choice, range, filter, sort }), {
        getNextPageParam: (page) => page.nextCursor,
      }),
    ),
    prefetch(trpc.flows.histogram.queryOptions({ range, filter })),
    prefetch(trpc.flows.facets.queryOptions({ range, filter })),
  ]);
  return (
    <HydrateClient>
      <FlowPage />
    </HydrateClient>
  );
}
