/** One trace. */
import { TraceSessionId } from "@millrace/contract/ids";
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { TracePage } from "@/features/trace/trace-page.tsx";
import { HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Trace" };

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const id = TraceSessionId.safeParse((await params).id);
  if (!id.success) notFound();
  await prefetch(trpc.traces.get.queryOptions({ id: id.data }));
  return (
    <HydrateClient>
      <TracePage id={id.data} />
    </HydrateClient>
  );
}
