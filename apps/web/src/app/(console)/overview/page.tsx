/** Overview: is the fleet well? */
import type { Metadata } from "next";
import type { SearchParams } from "nuqs/server";
import { OverviewPage } from "@/features/overview/overview-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { resolve } from "@/view/time-range.ts";
import { loadView } from "@/view/url-params.ts";

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
