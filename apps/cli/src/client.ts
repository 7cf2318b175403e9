/** The typed client of the operator API, subscriptions over SSE included. */
import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink } from "@trpc/client";
import type { Command } from "commander";
import { EventSource } from "eventsource";
import type { AppRouter } from "../../web/src/server/root.ts";
import { readAccess } from "./config.ts";
import { UnreachableError, unreachable } from "./failure.ts";

/** Queries whose input is longer than an address may be. */
const LONG_QUESTIONS = new Set(["documents.check"]);

export function connect(command: Command) {
  const { server, token } = readAccess(command.optsWithGlobals(), process.env);
  const url = `${server}/api/trpc`;
  const headers = token ? { authorization: `Bearer ${token}` } : undefined;
  const ask = askAt(server);
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (op) => op.type === "subscription",
        true: httpSubscriptionLink({
          url,
          EventSource,
          eventSourceOptions: () => ({
            fetch: (input, init) => ask(input, { ...init, headers: { ...init.headers, ...headers } }),
          }),
        }),
        false: splitLink({
          condition: (op) => LONG_QUESTIONS.has(op.path),
          true: httpLink({ url, headers: () => ({ ...headers }), fetch: ask, methodOverride: "POST" }),
          false: httpLink({ url, headers: () => ({ ...headers }), fetch: ask }),
        }),
      }),
    ],
  });
}
export type Client = ReturnType<typeof connect>;

/** fetch, whose failures name the server: also when a proxy or something else altogether answers there. */
const askAt =
  (server: string) =>
  async (input: RequestInfo | URL | string, init?: RequestInit): Promise<Response> => {
    let answer: Response;
    try {
      answer = await fetch(input, init);
    } catch (error) {
      throw unreachable(server, error);
    }
    const type = answer.headers.get("content-type") ?? "nothing";
    if (/json|event-stream/.test(type)) return answer;
    throw new UnreachableError(
      `${server} does not answer as Millrace does (HTTP ${answer.status}, ${type}): is it the right address?`,
    );
  };
