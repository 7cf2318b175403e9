/** One policy. */
import type { Metadata } from "next";
import { PolicyPage } from "@/features/policy/policy-page.tsx";
import { HydrateClient } from "@/trpc/server.tsx";
import { type PolicyParams, policyNumber } from "./number.ts";

export const metadata: Metadata = { title: "Policy" };

export default async function Page(props: PolicyParams) {
  const number = await policyNumber(props);
  return (
    <HydrateClient>
      <PolicyPage number={number} />
    </HydrateClient>
  );
}
