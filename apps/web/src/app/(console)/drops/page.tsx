/** Drops: by reason, place and ends. */
import type { Metadata } from "next";
import { createLoader, type SearchParams } from "nuqs/server";
import { DropPage } from "@/features/drop/drop-page.tsx";
import { dropParams } from "@/features/drop/drop-params.ts";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { loadView } from "@/view/load-view.ts";
import { resolve } from "@/view/time-range.ts";

export const metadata: Metadata = { title: "Drops" };
const loadDrops = createLoader(dropParams);

export default async function Page({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const params = await searchParams;
  const { t, q: filter } = loadView(params);
  const { ordinary } = loadDrops(params);
  await prefetch(trpc.drops.summary.queryOptions({ range: resolve(t, Date.now()), filter, ordinary }));
  return (
    <HydrateClient>
      <DropPage />
    </HydrateClient>
  );
}
