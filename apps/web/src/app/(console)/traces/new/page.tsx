/** A new trace. */
import type { Metadata } from "next";
import { NewTracePage } from "@/features/trace/new-trace-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "New trace" };

export default async function Page() {
  await prefetch(trpc.hosts.list.queryOptions());
  return (
    <HydrateClient>
      <NewTracePage />
    </HydrateClient>
  );
}
