/**
 * The control plane's procedures as functions. Every answer is checked; whatever is not the answer the
 * contract names becomes a typed failure, never an exception. Not @trpc/client: that types by the server's
 * router, which the agent must not import, and reads bodies without a bound.
 */
import {
  DesiredTraces,
  type EnrolInput,
  EnrolOutput,
  type Heartbeat,
  HeartbeatOutput,
  type HelloInput,
  HelloOutput,
  type TracePush,
  type TraceReport,
} from "@millrace/contract/agent-protocol";
import { PushOutput } from "@millrace/contract/batch";
import {
  type LeaseInput,
  LeaseOutput,
  type PublishInput,
  PublishOutput,
  type ResolveInput,
  ResolveOutput,
} from "@millrace/contract/network";
import {
  POLICY_ASK_LIMITS,
  type PolicyForInput,
  PolicyForOutput,
  type PolicyPeersInput,
  PolicyPeersOutput,
} from "@millrace/contract/policy-protocol";
import {
  SERVICE_ASK_LIMITS,
  type ServiceResolveInput,
  ServiceResolveOutput,
} from "@millrace/contract/service";
import { z } from "zod";
import type { Compression } from "../spool/record.ts";
import { type HttpRequest, HttpServer } from "./http.ts";

export type FailureKind =
  | "unreachable" // no HTTP answer
  | "nonsense" // an answer that is none of ours
  | "unauthorized" // the credential is not, or no longer, good
  | "incompatible"
  | "refused" // understood and declined; the same request will be again
  | "busy"; // try again later
export type Failure = { ok: false; kind: FailureKind; reason: string; pauseMs: number };
export type Answer<T> = { ok: true; value: T } | Failure;

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 1 << 20;
const Envelope = z.object({ result: z.object({ data: z.unknown() }) });
const ErrorEnvelope = z.object({
  error: z.object({
    message: z.string(),
    data: z.object({ code: z.string(), pauseMs: z.number().nonnegative().optional() }).loose(),
  }),
});
const Nothing = z.unknown().transform(() => null);
const BY_CODE: Record<string, FailureKind> = {
  UNAUTHORIZED: "unauthorized",
  FORBIDDEN: "unauthorized",
  PRECONDITION_FAILED: "incompatible",
  TOO_MANY_REQUESTS: "busy",
  SERVICE_UNAVAILABLE: "busy",
  INTERNAL_SERVER_ERROR: "busy",
  TIMEOUT: "busy",
};
const MAX_PAUSE_MS = 60_000;

export class ControlPlane {
  readonly server: HttpServer;
  #credential: string | undefined;

  constructor(url: string) {
    this.server = new HttpServer(url);
  }
  setCredential(credential: string | undefined): void {
    this.#credential = credential;
  }
  authorization(): Record<string, string> {
    return this.#credential ? { authorization: `Bearer ${this.#credential}` } : {};
  }

  enrol(input: z.infer<typeof EnrolInput>): Promise<Answer<z.infer<typeof EnrolOutput>>> {
    return this.#post("agent.enrol", input, EnrolOutput);
  }
  hello(input: HelloInput): Promise<Answer<z.infer<typeof HelloOutput>>> {
    return this.#post("agent.hello", input, HelloOutput);
  }
  heartbeat(input: Heartbeat): Promise<Answer<z.infer<typeof HeartbeatOutput>>> {
    return this.#post("agent.heartbeat", input, HeartbeatOutput);
  }
  push(payload: Uint8Array, compressed: Compression): Promise<Answer<PushOutput>> {
    const headers: Record<string, string> = { "content-type": "application/octet-stream" };
    if (compressed) headers["content-encoding"] = compressed;
    return this.#call("POST", "telemetry.push", headers, payload, PushOutput);
  }
  desiredTraces(): Promise<Answer<z.infer<typeof DesiredTraces>>> {
    return this.#call("GET", "trace.desired", {}, undefined, DesiredTraces);
  }
  reportTrace(input: TraceReport): Promise<Answer<null>> {
    return this.#post("trace.report", input, Nothing);
  }
  pushTrace(input: z.infer<typeof TracePush>): Promise<Answer<null>> {
    return this.#post("trace.push", input, Nothing);
  }

  lease(input: LeaseInput): Promise<Answer<LeaseOutput>> {
    return this.#post("network.lease", input, LeaseOutput);
  }
  publish(input: PublishInput): Promise<Answer<PublishOutput>> {
    return this.#post("network.publish", input, PublishOutput);
  }
  resolve(input: ResolveInput): Promise<Answer<ResolveOutput>> {
    return this.#post("network.resolve", input, ResolveOutput);
  }
  policyFor(input: PolicyForInput): Promise<Answer<PolicyForOutput>> {
    return this.#post("policy.for", input, PolicyForOutput, POLICY_ASK_LIMITS.answerBytes);
  }
  policyPeers(input: PolicyPeersInput): Promise<Answer<PolicyPeersOutput>> {
    return this.#post("policy.peers", input, PolicyPeersOutput, POLICY_ASK_LIMITS.answerBytes);
  }

  resolveServices(input: ServiceResolveInput): Promise<Answer<ServiceResolveOutput>> {
    return this.#post("service.resolve", input, ServiceResolveOutput, SERVICE_ASK_LIMITS.answerBytes);
  }

  #post<T>(
    procedure: string,
    input: unknown,
    schema: z.ZodType<T>,
    maxBytes = MAX_ANSWER_BYTES,
  ): Promise<Answer<T>> {
    const body = Buffer.from(JSON.stringify(input, wellFormed));
    return this.#call("POST", procedure, { "content-type": "application/json" }, body, schema, maxBytes);
  }

  async #call<T>(
    method: HttpRequest["method"],
    procedure: string,
    headers: Record<string, string>,
    body: Uint8Array | undefined,
    schema: z.ZodType<T>,
    maxBytes = MAX_ANSWER_BYTES,
  ): Promise<Answer<T>> {
    try {
      const response = await this.server.request({
        ...{ method, path: `/trpc/${procedure}`, timeoutMs: TIMEOUT_MS, maxBytes },
        headers: { accept: "application/json", ...headers, ...this.authorization() },
        ...(body ? { body } : {}),
      });
      return readAnswer(procedure, response, schema);
    } catch (error) {
      return failure("unreachable", `${procedure}: ${(error as Error).message}`);
    }
  }
}

/** A text that was cut at its limit may end in half a surrogate pair, for which the server would refuse all of it. */
const wellFormed = (_: string, value: unknown): unknown =>
  typeof value === "string" ? value.replaceAll(/\p{Surrogate}/gu, "\ufffd") : value;

function readAnswer<T>(
  procedure: string,
  response: { status: number; contentType: string; body: Buffer },
  schema: z.ZodType<T>,
): Answer<T> {
  const { status } = response;
  const json = parse(response.body);
  if (status === 200) {
    const value = schema.safeParse(Envelope.safeParse(json).data?.result.data);
    if (value.success) return { ok: true, value: value.data };
    return failure(
      "nonsense",
      `${procedure}: the answer is not what was agreed: ${firstProblem(value.error)}`,
    );
  }
  const error = ErrorEnvelope.safeParse(json).data?.error;
  if (!error) return unnamed(procedure, response);
  const kind = BY_CODE[error.data.code] ?? "refused";
  const pauseMs = Math.min(error.data.pauseMs ?? 0, MAX_PAUSE_MS);
  return failure(kind, `${procedure}: ${error.message.slice(0, 300)}`, pauseMs);
}

/** Not from our server: a proxy's error page, a wrong address. */
function unnamed(procedure: string, response: { status: number; contentType: string }): Failure {
  const what = `${procedure}: HTTP ${response.status} with ${response.contentType || "no type"}`;
  if (response.status === 429 || response.status >= 500) return failure("busy", what);
  return failure("nonsense", `${what}: is this a Millrace server?`);
}

const failure = (kind: FailureKind, reason: string, pauseMs = 0): Failure => ({
  ok: false,
  kind,
  reason,
  pauseMs,
});

function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.join(".") || "it"}: ${issue.message}` : "unreadable";
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
