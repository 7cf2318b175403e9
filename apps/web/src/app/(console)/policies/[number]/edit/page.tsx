/** One policy, to be changed. */
import type { Metadata } from "next";
import { EditPolicyPage } from "@/features/policy/policy-editor-page.tsx";
import { HydrateClient } from "@/trpc/server.tsx";
import { type PolicyParams, policyNumber } from "../number.ts";

export const metadata: Metadata = { title: "Edit policy" };

export default async function Page(props: PolicyParams) {
  const number = await policyNumber(props);
  return (
    <HydrateClient>
      <EditPolicyPage number={number} />
    </HydrateClient>
  );
}
