/** The typed client of the operator API, subscriptions over SSE included. */
import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink } from "@trpc/client";
import type { Command } from "commander";
import { EventSource } from "eventsource";
import type { AppRouter } from "../../web/src/server/root.ts";
import { readAccess } from "./config.ts";

export function connect(command: Command) {
  const { server, token } = readAccess(command.optsWithGlobals(), process.env);
  const url = `${server}/api/trpc`;
  const headers = token ? { authorization: `Bearer ${token}` } : undefined;
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (op) => op.type === "subscription",
        true: httpSubscriptionLink({
          url,
          EventSource,
          eventSourceOptions: () => ({
            fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
          }),
        }),
        false: httpLink({ url, headers: () => ({ ...headers }) }),
      }),
    ],
  });
}
export type Client = ReturnType<typeof connect>;
