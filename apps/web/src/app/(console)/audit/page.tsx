/** Audit: who did what. */
import type { Metadata } from "next";
import { AuditPage } from "@/features/audit/audit-page.tsx";
import { HydrateClient, prefetchInfinite, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Audit" };

export default async function Page() {
  await prefetchInfinite(
    trpc.audit.list.infiniteQueryOptions(
      { author: null, action: null },
      { getNextPageParam: (page) => page.nextCursor },
    ),
  );
  return (
    <HydrateClient>
      <AuditPage />
    </HydrateClient>
  );
}
