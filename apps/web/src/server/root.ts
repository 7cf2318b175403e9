/** The operator API: one router a noun. The dashboard and the CLI type against AppRouter. */
import { agentsRouter } from "./routers/agents.ts";
import { auditRouter } from "./routers/audit.ts";
import { documentsRouter } from "./routers/documents.ts";
import { dropsRouter } from "./routers/drops.ts";
import { flowsRouter } from "./routers/flows.ts";
import { hostsRouter } from "./routers/hosts.ts";
import { mapRouter } from "./routers/map.ts";
import { networkRouter } from "./routers/network.ts";
import { overviewRouter } from "./routers/overview.ts";
import { policiesRouter } from "./routers/policies.ts";
import { poolsRouter } from "./routers/pools.ts";
import { retentionRouter } from "./routers/retention.ts";
import { servicesRouter } from "./routers/services.ts";
import { sessionRouter } from "./routers/session.ts";
import { tokensRouter } from "./routers/tokens.ts";
import { tracesRouter } from "./routers/traces.ts";
import { usersRouter } from "./routers/users.ts";
import { createCaller, router } from "./trpc.ts";

export const appRouter = router({
  session: sessionRouter,
  overview: overviewRouter,
  flows: flowsRouter,
  map: mapRouter,
  drops: dropsRouter,
  hosts: hostsRouter,
  pools: poolsRouter,
  network: networkRouter,
  documents: documentsRouter,
  policies: policiesRouter,
  services: servicesRouter,
  traces: tracesRouter,
  tokens: tokensRouter,
  users: usersRouter,
  agents: agentsRouter,
  retention: retentionRouter,
  audit: auditRouter,
});
export type AppRouter = typeof appRouter;
/** Calls without HTTP: server components and tests. */
export const callerFor = createCaller(appRouter);
