/** Services: all of them. */
import type { Metadata } from "next";
import { ServiceListPage } from "@/features/service/service-list-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Services" };

export default async function Page() {
  await prefetch(trpc.services.list.queryOptions());
  return (
    <HydrateClient>
      <ServiceListPage />
    </HydrateClient>
  );
}
