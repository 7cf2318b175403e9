/** Settings: account, users, agents, network, retention. */
import type { Metadata } from "next";
import { SettingsPage } from "@/features/setting/settings-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Settings" };

export default async function Page() {
  await prefetch(trpc.tokens.list.queryOptions());
  return (
    <HydrateClient>
      <SettingsPage />
    </HydrateClient>
  );
}
