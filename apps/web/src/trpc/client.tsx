"use client";
/**
 * The operator API as the browser calls it: each query on its own, so that a slow one holds up no other, and
 * subscriptions over SSE. The only module of the browser that knows the router, and only its type.
 */
import { QueryClientProvider } from "@tanstack/react-query";
import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink } from "@trpc/client";
import { createTRPCContext } from "@trpc/tanstack-react-query";
import { type ReactNode, useState } from "react";
import type { AppRouter } from "@/server/root.ts";
import { makeQueryClient } from "./query-client.ts";

export const { TRPCProvider, useTRPC, useTRPCClient } = createTRPCContext<AppRouter>();

const API = "/api/trpc";
/** Queries that carry documents: longer than an address may be, so they are sent in a body. */
const LONG: ReadonlySet<string> = new Set(["documents.check", "policies.whatIf"]);

/** A full load, so that nothing of the former session stays in memory. */
function goToSignIn(): void {
  if (window.location.pathname === "/sign-in") return;
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

function makeClient() {
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (operation) => operation.type === "subscription",
        true: httpSubscriptionLink({ url: API }),
        false: splitLink({
          condition: ({ path }) => LONG.has(path),
          true: httpLink({ url: API, methodOverride: "POST" }),
          false: httpLink({ url: API }),
        }),
      }),
    ],
  });
}

export function ApiProvider({ children }: { children: ReactNode }) {
  const [queryClient] = useState(() => makeQueryClient(goToSignIn));
  const [client] = useState(makeClient);
  return (
    <QueryClientProvider client={queryClient}>
      <TRPCProvider trpcClient={client} queryClient={queryClient}>
        {children}
      </TRPCProvider>
    </QueryClientProvider>
  );
}
