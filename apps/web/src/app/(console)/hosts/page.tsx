/** Fleet: all hosts. */
import type { Metadata } from "next";
import { FleetPage } from "@/features/host/fleet-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Fleet" };

export default async function Page() {
  await prefetch(trpc.hosts.list.queryOptions());
  return (
    <HydrateClient>
      <FleetPage />
    </HydrateClient>
  );
}
