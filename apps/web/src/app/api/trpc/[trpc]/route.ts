/** The operator API over HTTP; subscriptions as server-sent events. Routers are in server/root.ts. */
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { bounded } from "@/server/body-limit.ts";
import { createContext } from "@/server/context.ts";
import { reportFailure } from "@/server/log.ts";
import { appRouter } from "@/server/root.ts";

async function handler(request: Request): Promise<Response> {
  const req = await bounded(request);
  if (req instanceof Response) return req;
  return fetchRequestHandler({
    endpoint: "/api/trpc",
    req,
    router: appRouter,
    allowMethodOverride: true, // a query may be longer than an address: documents to be checked
    allowBatching: false, // one request, one query: else a single one could ask for hundreds
    createContext: () => createContext({ headers: req.headers, method: req.method }),
    responseMeta: () => ({ headers: new Headers({ "cache-control": "no-store" }) }),
    onError: ({ error, path }) => reportFailure(error, path ?? "?"),
  });
}

export { handler as GET, handler as POST };
