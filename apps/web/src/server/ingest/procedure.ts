/**
 * How every agent procedure is built: whose credential it was is known before (http.ts); errors travel as
 * the contract's table says, with what an agent needs to go on: may it try again, and when. No procedure
 * stands here.
 */
import { AppError, ERROR_CODES } from "@millrace/contract/error";
import { initTRPC, TRPCError } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { ZodError } from "zod";
import type { AgentHost } from "../agent-gateway/service.ts";
import { isDatabaseAway, wrapped } from "../errors.ts";
import type { Ingest } from "./ingest.ts";
import { AWAY_PAUSE_MS, BUSY_PAUSE_MS } from "./pace.ts";

export type AgentContext = {
  readonly ingest: Ingest;
  /** null: only agent.enrol may be called. */
  readonly host: AgentHost | null;
  readonly encoding: string | undefined;
};

/** What an agent is told about an error, beside the message. */
export type AgentErrorData = {
  readonly code: keyof typeof TRPC_ERROR_CODES_BY_KEY;
  readonly httpStatus: number;
  readonly path: string | undefined;
  readonly app: string;
  readonly retryable: boolean;
  readonly pauseMs: number;
};

const t = initTRPC.context<AgentContext>().create({
  sse: {
    ping: { enabled: true, intervalMs: 5_000 },
    client: { reconnectAfterInactivityMs: 15_000 },
  },
  errorFormatter: ({ shape, error, path }) => {
    const told = error.cause instanceof AppError ? tell(error.cause, path) : undefined;
    return {
      ...shape,
      message: told?.message ?? plainMessage(error),
      data: told?.data ?? {
        ...tell(new AppError("BAD_REQUEST", ""), path).data,
        code: shape.data.code,
        httpStatus: shape.data.httpStatus,
      },
    };
  },
});

export const router = t.router;
export const createCaller = t.createCallerFactory;

/** Errors of an input or of tRPC itself: never a retry, and no stack. */
function plainMessage(error: TRPCError): string {
  if (error.cause instanceof ZodError)
    return error.cause.issues
      .slice(0, 10)
      .map((i) => `${i.path.join(".") || "input"}: ${i.message}`)
      .join("; ");
  return error.message;
}

/** The body of an error's answer; also for what is refused before a procedure is reached. */
export function tell(
  error: AppError,
  path: string | undefined,
): { message: string; code: number; data: AgentErrorData } {
  const { trpc, http, retryable } = ERROR_CODES[error.code];
  const pauseMs = error.code === "BUSY" ? BUSY_PAUSE_MS : retryable ? AWAY_PAUSE_MS : 0;
  const data = { code: trpc, httpStatus: http, path, app: error.code, retryable, pauseMs } as const;
  return { message: error.publicMessage, code: TRPC_ERROR_CODES_BY_KEY[trpc], data };
}

/** Every failure leaves as an AppError: a database that is away can be retried, a bug is logged as one. */
const translated = t.middleware(async ({ path, ctx, next }) => {
  const result = await next();
  if (result.ok) return result;
  const { error } = result;
  const cause = error.cause ?? error;
  if (error.code !== "INTERNAL_SERVER_ERROR" && !(cause instanceof AppError) && !isDatabaseAway(cause))
    return result;
  const told = wrapped(path, cause);
  ctx.ingest.failed(path, told);
  throw new TRPCError({ code: ERROR_CODES[told.code].trpc, message: told.message, cause: told });
});

const authenticated = t.middleware(({ ctx, path, next }) => {
  if (!ctx.host) throw new AppError("UNAUTHENTICATED", `${path} without a credential`);
  return next({ ctx: { ...ctx, host: ctx.host } });
});

export const openProcedure = t.procedure.use(translated);
export const agentProcedure = t.procedure.use(translated).use(authenticated);
