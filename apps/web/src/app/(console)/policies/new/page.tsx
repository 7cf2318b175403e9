/** A new policy. */
import type { Metadata } from "next";
import { NewPolicyPage } from "@/features/policy/policy-editor-page.tsx";
import { HydrateClient } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "New policy" };

export default function Page() {
  return (
    <HydrateClient>
      <NewPolicyPage />
    </HydrateClient>
  );
}
