/** Every page but sign-in: needs a session, stands in the frame. */
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import type { ReactNode } from "react";
import { ConsoleFrame } from "@/features/console/console-frame.tsx";
import { getContext, HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export default async function ConsoleLayout({ children }: { children: ReactNode }) {
  const { me } = await getContext();
  if (!me) {
    const here = (await headers()).get("x-here") ?? "/overview";
    redirect(`/sign-in?next=${encodeURIComponent(here)}`);
  }
  await prefetch(trpc.session.me.queryOptions());
  return (
    <HydrateClient>
      <ConsoleFrame serverNow={Date.now()}>{children}</ConsoleFrame>
    </HydrateClient>
  );
}
