/** Traces: what ran and what runs. */
import type { Metadata } from "next";
import { TraceListPage } from "@/features/trace/trace-list-page.tsx";
import { HydrateClient, prefetchInfinite, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Traces" };

export default async function Page() {
  await prefetchInfinite(
    trpc.traces.list.infiniteQueryOptions({}, { getNextPageParam: (page) => page.nextCursor }),
  );
  return (
    <HydrateClient>
      <TraceListPage />
    </HydrateClient>
  );
}
