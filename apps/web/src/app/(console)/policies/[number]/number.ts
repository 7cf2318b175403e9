/** The policy that an address of these pages names, asked for before they are drawn. */
import { notFound } from "next/navigation";
import { prefetch, trpc } from "@/trpc/server.tsx";
import { readPolicyNumber } from "@/view/policy-number.ts";

export type PolicyParams = { params: Promise<{ number: string }> };

export async function policyNumber({ params }: PolicyParams): Promise<number> {
  const number = readPolicyNumber((await params).number);
  if (number === null) notFound();
  await prefetch(trpc.policies.get.queryOptions({ number }));
  return number;
}
