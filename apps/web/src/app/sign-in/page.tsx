/** Sign-in; who is signed in already goes on. */
import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { createLoader, parseAsString, type SearchParams } from "nuqs/server";
import { nextPath } from "@/features/session/next-path.ts";
import { SignInPage } from "@/features/session/sign-in-page.tsx";
import { signInProblem } from "@/features/session/sign-in-problem.ts";
import { getContext, HydrateClient, prefetch, trpc } from "@/trpc/server.tsx";

export const metadata: Metadata = { title: "Sign in" };
const loadParams = createLoader({ next: parseAsString, error: parseAsString });

export default async function Page({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const { next, error } = loadParams(await searchParams);
  const { me } = await getContext();
  if (me) redirect(nextPath(next));
  await prefetch(trpc.session.providers.queryOptions());
  return (
    <HydrateClient>
      <SignInPage next={next} problem={signInProblem(error)} />
    </HydrateClient>
  );
}
