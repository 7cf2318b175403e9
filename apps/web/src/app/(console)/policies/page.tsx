/** Policies: all of them. */
import type { Metadata } from "next";
import { PolicyListPage } from "@/features/policy/policy-list-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Policies" };

export default async function Page() {
  await prefetch(trpc.policies.list.queryOptions());
  return (
    <HydrateClient>
      <PolicyListPage />
    </HydrateClient>
  );
}
