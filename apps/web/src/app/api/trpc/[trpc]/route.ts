/** The operator API over HTTP; subscriptions as server-sent events. Routers are in server/root.ts. */
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { createContext } from "@/server/context.ts";
import { reportFailure } from "@/server/log.ts";
import { appRouter } from "@/server/root.ts";

const handler = (req: Request): Promise<Response> =>
  fetchRequestHandler({
    endpoint: "/api/trpc",
    req,
    router: appRouter,
    createContext: () => createContext({ headers: req.headers, method: req.method }),
    responseMeta: () => ({ headers: new Headers({ "cache-control": "no-store" }) }),
    onError: ({ error, path }) => reportFailure(error, path ?? "?"),
  });

export { handler as GET, handler as POST };
