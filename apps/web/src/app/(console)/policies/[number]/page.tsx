/** One policy. */
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { PolicyPage } from "@/features/policy/policy-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";
import { readPolicyNumber } from "@/view/policy-number.ts";

export const metadata: Metadata = { title: "Policy" };

export default async function Page({ params }: { params: Promise<{ number: string }> }) {
  const number = readPolicyNumber((await params).number);
  if (number === null) notFound();
  await prefetch(trpc.policies.get.queryOptions({ number }));
  return (
    <HydrateClient>
      <PolicyPage number={number} />
    </HydrateClient>
  );
}
