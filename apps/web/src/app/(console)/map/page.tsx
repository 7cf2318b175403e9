/** Map: services, namespaces or hosts, and what goes between them. */
import type { Metadata } from "next";
import { createLoader, type SearchParams } from "nuqs/server";
import { MapPage } from "@/features/map/map-page.tsx";
import { mapParams } from "@/features/map/map-params.ts";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { loadView } from "@/view/load-view.ts";
import { resolve } from "@/view/time-range.ts";

export const metadata: Metadata = { title: "Map" };
const loadMap = createLoader(mapParams);

export default async function Page({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const params = await searchParams;
  const { t, q: filter } = loadView(params);
  const { by, measure } = loadMap(params);
  await prefetch(trpc.map.get.queryOptions({ range: resolve(t, Date.now()), filter, by, measure }));
  return (
    <HydrateClient>
      <MapPage />
    </HydrateClient>
  );
}
