/** Overview: is the fleet well? */
import type { Metadata } from "next";
import type { SearchParams } from "nuqs/server";
import { OverviewPage } from "@/features/overview/overview-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { loadView } from "@/view/load-view.ts";
import { resolve } from "@/view/time-range.ts";

export const metadata: Metadata = { title: "Overview" };

export default async function Page({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { t } = loadView(await searchParams);
  await prefetch(trpc.overview.get.queryOptions({ range: resolve(t, Date.now()) }));
  return (
    <HydrateClient>
      <OverviewPage />
    </HydrateClient>
  );
}
