/**
 * How every operator procedure is built: who may call it comes from the one table of role × procedure by
 * the procedure's own path, errors travel as the contract's table says, a refused or failed change is
 * audited here (a done one by its service, in the change's own transaction). No procedure stands here.
 */
import { AppError, ERROR_CODES } from "@millrace/contract/error";
import { mayCall, PROCEDURE_ROLE, type Procedure } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { initTRPC, TRPCError } from "@trpc/server";
import { ZodError } from "zod";
import { recordAttempt } from "./audit/service.ts";
import type { Context } from "./context.ts";
import { isDatabaseAway, wrapped } from "./errors.ts";
import { metrics } from "./metrics.ts";
import { countedStream } from "./open-streams.ts";
import { stillAllowed } from "./still-allowed.ts";
import { unstorable } from "./unstorable.ts";

const t = initTRPC.context<Context>().create({
  sse: {
    ping: { enabled: true, intervalMs: 5000 },
    // A stream that goes on for ever would outlive its session: the client comes back, and is asked again.
    maxDurationMs: 600_000,
    client: { reconnectAfterInactivityMs: 15_000 },
  },
  errorFormatter: ({ shape, error }) => ({
    ...shape,
    message: publicMessage(error),
    data: {
      code: shape.data.code,
      httpStatus: shape.data.httpStatus,
      path: shape.data.path,
      app: codeOf(error),
    },
  }),
});

export const router = t.router;
export const createCaller = t.createCallerFactory;

/** Every problem of a malformed input at once, each with its field. */
function publicMessage(error: TRPCError): string {
  if (error.cause instanceof AppError) return error.cause.publicMessage;
  if (error.cause instanceof ZodError)
    return error.cause.issues.map((i) => `${i.path.join(".") || "input"}: ${i.message}`).join("; ");
  return error.code === "INTERNAL_SERVER_ERROR" ? ERROR_CODES.INTERNAL.title : error.message;
}
function codeOf(error: TRPCError): string {
  if (error.cause instanceof AppError) return error.cause.code;
  return error.code === "INTERNAL_SERVER_ERROR" ? "INTERNAL" : error.code;
}

/** An AppError thrown anywhere below leaves with the code its table gives it; so does a database that is away. */
const translated = t.middleware(async ({ path, type, next }) => {
  const result = await next();
  if (!result.ok) throw translation(path, result.error.cause) ?? result.error;
  if (type !== "subscription") return result;
  return { ...result, data: translatedStream(path, result.data as AsyncIterable<unknown>) };
});

function translation(path: string, cause: unknown): TRPCError | undefined {
  if (!(cause instanceof AppError) && !isDatabaseAway(cause)) return undefined;
  const error = cause instanceof AppError ? cause : wrapped(path, cause);
  return new TRPCError({ code: ERROR_CODES[error.code].trpc, message: error.message, cause: error });
}

/** A stream fails after its procedure has returned: untold, a refusal would look like a fault that a retry heals. */
async function* translatedStream<T>(path: string, source: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    throw translation(path, error) ?? error;
  }
}

/** Fails closed: a procedure that isn't in the table can't be called by anybody. */
function allowed(ctx: Context, path: string): Me {
  if (ctx.refusal) throw ctx.refusal;
  if (!ctx.me) throw new AppError("UNAUTHENTICATED", `${path} without credentials`);
  if (!(path in PROCEDURE_ROLE)) throw new AppError("FORBIDDEN", `${path} is in no role's table`);
  const procedure = path as Procedure;
  if (!mayCall(ctx.me.role, procedure))
    throw new AppError("FORBIDDEN", `${ctx.me.email} (${ctx.me.role}) called ${path}`, {
      publicMessage: `Your role is ${ctx.me.role}; this needs ${PROCEDURE_ROLE[procedure]}`,
    });
  return ctx.me;
}

const guarded = t.middleware(async ({ ctx, path, type, next }) => {
  const me = allowed(ctx, path);
  const result = await next({ ctx: { ...ctx, me } });
  const { again } = ctx;
  if (type !== "subscription" || !result.ok || !again) return result;
  const check = async () => void allowed(await again(), path);
  return {
    ...result,
    data: stillAllowed(countedStream(result.data as AsyncIterable<unknown>, me.id), check),
  };
});

/** Once for every text of every input: not all can be stored. After the guard, so that strangers' inputs stay unread. */
const storable = t.middleware(async ({ path, getRawInput, next }) => {
  const problem = unstorable(await getRawInput());
  if (problem) throw new AppError("BAD_REQUEST", `${path}: ${problem}`, { publicMessage: problem });
  return next();
});

/** A change that didn't happen is written down as well: who tried what, and why not. */
const audited = t.middleware(async ({ ctx, path, type, getRawInput, next }) => {
  const result = await next();
  if (type === "mutation" && !result.ok)
    await recordAttempt(ctx.me, path, await getRawInput().catch(() => null), result.error);
  return result;
});

/** By procedure and outcome; of a path that doesn't exist no middleware hears. */
const measured = t.middleware(async ({ path, next }) => {
  const started = performance.now();
  const result = await next();
  const outcome = result.ok ? "ok" : codeOf(result.error);
  metrics().called(path, outcome, (performance.now() - started) / 1000);
  return result;
});

export const publicProcedure = t.procedure.use(measured).use(translated);
export const protectedProcedure = t.procedure
  .use(measured)
  .use(audited)
  .use(translated)
  .use(guarded)
  .use(storable);
