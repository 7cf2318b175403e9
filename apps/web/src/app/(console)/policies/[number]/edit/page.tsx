/** One policy, to be changed. */
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { EditPolicyPage } from "@/features/policy/policy-editor-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { readPolicyNumber } from "@/view/policy-number.ts";

export const metadata: Metadata = { title: "Edit policy" };

export default async function Page({ params }: { params: Promise<{ number: string }> }) {
  const number = readPolicyNumber((await params).number);
  if (number === null) notFound();
  await prefetch(trpc.policies.get.queryOptions({ number }));
  return (
    <HydrateClient>
      <EditPolicyPage number={number} />
    </HydrateClient>
  );
}
