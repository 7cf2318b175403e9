/** One host. */
import type { Metadata } from "next";
import type { SearchParams } from "nuqs/server";
import { HostPage } from "@/features/host/host-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { loadView } from "@/view/load-view.ts";
import { resolve } from "@/view/time-range.ts";

type Props = { params: Promise<{ name: string }>; searchParams: Promise<SearchParams> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) };
}

export default async function Page({ params, searchParams }: Props) {
  const name = decodeURIComponent((await params).name);
  const { t } = loadView(await searchParams);
  await prefetch(trpc.hosts.get.queryOptions({ name, range: resolve(t, Date.now()) }));
  return (
    <HydrateClient>
      <HostPage name={name} />
    </HydrateClient>
  );
}
