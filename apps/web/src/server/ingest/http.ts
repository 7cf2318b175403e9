/**
 * The ingest process's HTTP: who calls is found out before anything is read of a body, so that a stranger
 * can't fill our memory; then tRPC takes over. Beside it /healthz (the process lives), /readyz (it can store), /metrics.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { BATCH_MAX_BYTES } from "@millrace/contract/batch";
import { AppError } from "@millrace/contract/error";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import { isLoopback } from "../../env.ts";
import type { AgentHost } from "../agent-gateway/service.ts";
import { wrapped } from "../errors.ts";
import type { Ingest } from "./ingest.ts";
import { type AgentContext, tell } from "./procedure.ts";
import { agentRouter } from "./router.ts";

const BASE = "/trpc/";
const OPEN = new Set([`${BASE}agent.enrol`]);
/** A token, a name and a key: anybody may send them, so that they are all that is read of a stranger. */
const OPEN_MAX_BYTES = 8 << 10;
const PUSH = `${BASE}telemetry.push`;
/** A path as it is compared here. The router would also take it with escapes, and none of the rules above would be asked. */
const PLAIN = /^[A-Za-z.]+$/;
/** A request that isn't there after this long is not coming. */
const REQUEST_MS = 30_000;
const MOST_CONNECTIONS = 4_000;

export type HttpOptions = {
  readonly ingest: Ingest;
  /** Why it can't store now, or undefined. */
  readonly readiness: () => Promise<string | undefined>;
  readonly metricsToken?: string | undefined;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
};

export function createIngestServer(options: HttpOptions): Server {
  const contexts = new WeakMap<IncomingMessage, AgentContext>();
  const trpc = createHTTPHandler({
    router: agentRouter,
    basePath: BASE,
    maxBodySize: BATCH_MAX_BYTES,
    allowBatching: false,
    createContext: ({ req }) => contexts.get(req) as AgentContext,
  });
  const serve = async (req: IncomingMessage, res: ServerResponse) => {
    const path = (req.url ?? "").split("?", 1)[0] as string;
    if (!path.startsWith(BASE)) return plain(options, path, req, res);
    const context = await admit(options.ingest, path, req, res);
    if (!context) return;
    contexts.set(req, context);
    trpc(req, res);
  };
  const listener = (req: IncomingMessage, res: ServerResponse) => {
    serve(req, res).catch((error) => refuse(options.ingest, req, res, wrapped("a request", error)));
  };
  const limits = { requestTimeout: REQUEST_MS, headersTimeout: 10_000, keepAliveTimeout: 65_000 };
  const server = options.tls
    ? createTlsServer({ ...limits, ...options.tls }, listener)
    : createServer(limits, listener);
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

/** Who calls, and for a push a place in the lanes; undefined when the refusal has been sent. */
async function admit(
  ingest: Ingest,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<AgentContext | undefined> {
  try {
    if (!PLAIN.test(path.slice(BASE.length))) throw unknownPath(path);
    if (OPEN.has(path)) refuseLongBody(req);
    const host = OPEN.has(path) ? null : await ingest.credentials.check(req.headers.authorization);
    if (path === PUSH) enterLane(ingest, host as AgentHost, req, res);
    return { ingest, host, encoding: req.headers["content-encoding"] };
  } catch (error) {
    refuse(ingest, req, res, wrapped(path.slice(BASE.length), error));
    return undefined;
  }
}

const unknownPath = (path: string): AppError =>
  new AppError("NOT_FOUND", `no procedure ${path.slice(0, 100)}`, {
    publicMessage: "There is no such procedure",
  });

function refuseLongBody(req: IncomingMessage): void {
  const length = Number(req.headers["content-length"] ?? Number.NaN);
  if (length <= OPEN_MAX_BYTES) return;
  throw new AppError("TOO_LARGE", `a stranger's body of ${length} bytes`, {
    publicMessage: `this body has to say its length, of at most ${OPEN_MAX_BYTES} bytes`,
  });
}

function enterLane(ingest: Ingest, host: AgentHost, req: IncomingMessage, res: ServerResponse): void {
  if (Number(req.headers["content-length"] ?? 0) > BATCH_MAX_BYTES)
    throw new AppError("TOO_LARGE", `a body of ${req.headers["content-length"]} bytes`, {
      publicMessage: `a batch is at most ${BATCH_MAX_BYTES} bytes`,
    });
  // race: who hung up while its credential was looked up will not be heard closing any more.
  if (res.closed) throw new AppError("BUSY", `host ${host.hostId} hung up`, { publicMessage: "You hung up" });
  res.once("close", ingest.lanes.enter(host.hostId));
}

/** Answers in tRPC's form and ends the connection: the rest of the body is not wanted. */
function refuse(ingest: Ingest, req: IncomingMessage, res: ServerResponse, error: AppError): void {
  const path = (req.url ?? "").slice(BASE.length).split("?", 1)[0];
  ingest.failed(path ?? "", error);
  if (res.headersSent) return void res.destroy();
  const body = JSON.stringify({ error: tell(error, path) });
  res.writeHead(tell(error, path).data.httpStatus, {
    "content-type": "application/json",
    connection: "close",
  });
  res.end(body);
  req.resume();
  req.once("data", () => req.destroy());
}

async function plain(
  options: HttpOptions,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (req.method !== "GET" && req.method !== "HEAD") return text(res, 405, "only GET\n");
  if (path === "/healthz") return text(res, 200, "ok\n");
  if (path === "/readyz") {
    const reason = await options.readiness();
    return reason === undefined ? text(res, 200, "ready\n") : text(res, 503, `${reason}\n`);
  }
  if (path !== "/metrics") return text(res, 404, "not found\n");
  if (!mayScrape(options.metricsToken, req))
    return text(res, 403, "metrics are for loopback, or need the token\n");
  const { registry } = options.ingest.metrics;
  return text(res, 200, await registry.metrics(), registry.contentType);
}

function mayScrape(token: string | undefined, req: IncomingMessage): boolean {
  if (token !== undefined) return req.headers.authorization === `Bearer ${token}`;
  return isLoopback((req.socket.remoteAddress ?? "").replace(/^::ffff:/, ""));
}

function text(res: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  res.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" });
  res.end(body);
}
