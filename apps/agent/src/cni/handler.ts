/**
 * Answers what the CNI plugin asks: reads the line, names all that is wrong with it at once, lets one request at a time
 * work on an attachment, and says failures in CNI's codes. It makes nothing itself.
 */
import {
  CNI_CODES,
  CNI_PROTOCOL,
  type CniAnswer,
  type CniCheck,
  CniEnvelope,
  type CniGc,
  CniRequest,
} from "@millrace/contract/cni";
import type { z } from "zod";
import {
  AttachmentError,
  type AttachmentKey,
  type AttachmentProblem,
  type Attachments,
  keyText,
} from "../attachment/attachment.ts";
import { expectedOf, resultOf } from "./result.ts";
import { Turns } from "./turns.ts";

/** Far more than a host has pods; reached only when nothing ends any more. */
const MOST_AT_ONCE = 1024;

type Refusal = Extract<CniAnswer, { ok: false }>;
const refuse = (code: keyof typeof CNI_CODES, message: string, details: string): Refusal => ({
  ...{ ok: false, code: CNI_CODES[code], message: message.slice(0, 300) },
  details: details.length > 4000 ? `${details.slice(0, 3990)} …` : details,
});

/** The message for a bad environment must have the variable's name. */
const PROBLEMS = {
  "not-ready": { code: "TRY_AGAIN", message: "the agent isn't ready yet" },
  "no-address": { code: "TRY_AGAIN", message: "no address is free" },
  gone: { code: "UNKNOWN_CONTAINER", message: "there is no such container" },
  "bad-netns": { code: "BAD_ENVIRONMENT", message: "CNI_NETNS can't be used" },
  "name-taken": { code: "BAD_ENVIRONMENT", message: "CNI_IFNAME can't be used" },
  "port-taken": { code: "TRY_AGAIN", message: "a port of the host is taken" },
  unsupported: { code: "UNSUPPORTED_FIELD", message: "what the network configuration asks for can't be had" },
  differs: { code: "NOT_AS_EXPECTED", message: "the attachment isn't as it was made" },
} as const satisfies Record<AttachmentProblem, { code: keyof typeof CNI_CODES; message: string }>;

/** A request's fields as the runtime gave them to the plugin. */
const GIVEN_AS: Record<string, string> = {
  ...{ network: "name", containerId: "CNI_CONTAINERID", ifname: "CNI_IFNAME", netns: "CNI_NETNS" },
  ...{ args: "CNI_ARGS", attachments: "cni.dev/valid-attachments" },
  annotations: "runtimeConfig.io.kubernetes.cri.pod-annotations",
  portMappings: "runtimeConfig.portMappings",
};

export class CniHandler {
  readonly #attachments: Attachments;
  readonly #onError: (error: unknown) => void;
  readonly #turns = new Turns(MOST_AT_ONCE);

  /** Whatever nobody foresaw goes to `onError` too. */
  constructor(attachments: Attachments, onError: (error: unknown) => void) {
    this.#attachments = attachments;
    this.#onError = onError;
  }

  /** Never throws. */
  async answer(line: string): Promise<CniAnswer> {
    try {
      const request = read(line);
      return "ok" in request ? request : await this.#do(request);
    } catch (error) {
      return this.#refusal(error);
    }
  }

  async #do(request: CniRequest): Promise<CniAnswer> {
    if (request.op === "status") return this.#status();
    if (this.#turns.full) return refuse("TRY_AGAIN", "the agent is busy", "too much waits for its turn");
    if (request.op === "gc") return await this.#gc(request);
    const turn = keyText(request);
    return await this.#turns.take(turn, async () => {
      if (request.op === "check") return await this.#check(request);
      if (request.op === "add") return { ok: true, result: resultOf(await this.#attachments.add(request)) };
      await this.#attachments.remove(keyOf(request));
      return { ok: true };
    });
  }

  #status(): CniAnswer {
    const why = this.#attachments.notReady();
    return why === undefined ? { ok: true } : refuse("NOT_AVAILABLE", "no pod can be attached", why);
  }

  async #check(request: CniCheck): Promise<CniAnswer> {
    const expected = expectedOf(request);
    if (!expected) {
      const missing = `prevResult.interfaces: no ${request.ifname} in ${request.netns}`;
      return refuse("BAD_CONFIG", "invalid network configuration", missing);
    }
    await this.#attachments.check(keyOf(request), request.netns, expected);
    return { ok: true };
  }

  /** What can't be removed doesn't keep the rest. */
  async #gc({ network, attachments }: CniGc): Promise<CniAnswer> {
    const stay = new Set(
      attachments.map(({ containerID, ifname }) => keyText({ containerId: containerID, ifname })),
    );
    const stale = this.#attachments
      .list()
      .filter((one) => one.network === network && !stay.has(keyText(one)));
    const failures: string[] = [];
    for (const one of stale) {
      const key = keyOf(one);
      await this.#turns
        .take(keyText(key), () => this.#attachments.remove(key))
        .catch((error: unknown) => failures.push(`${keyText(key)}: ${this.#refusal(error).details}`));
    }
    if (failures.length === 0) return { ok: true };
    return refuse("INTERNAL", `${failures.length} of ${stale.length} were not removed`, failures.join("; "));
  }

  #refusal(error: unknown): Refusal {
    if (error instanceof AttachmentError) {
      const { code, message } = PROBLEMS[error.problem];
      return refuse(code, message, error.message);
    }
    this.#onError(error);
    return refuse("INTERNAL", "the agent failed", error instanceof Error ? error.message : String(error));
  }
}

const keyOf = ({ containerId, ifname }: AttachmentKey): AttachmentKey => ({ containerId, ifname });

function read(line: string): CniRequest | Refusal {
  let asked: unknown;
  try {
    asked = JSON.parse(line);
  } catch (error) {
    return refuse("UNDECODABLE", "the request is no JSON", String(error));
  }
  const envelope = CniEnvelope.safeParse(asked);
  if (!envelope.success) return refuse("UNDECODABLE", "no request", problemsOf(envelope.error).join("; "));
  if (envelope.data.v !== CNI_PROTOCOL) {
    const versions = `the plugin speaks ${envelope.data.v}, the agent ${CNI_PROTOCOL}`;
    return refuse("INCOMPATIBLE_AGENT", "agent and plugin speak different protocols", versions);
  }
  const request = CniRequest.safeParse(asked);
  if (request.success) return request.data;
  const problems = problemsOf(request.error);
  const environment = problems.filter((text) => text.startsWith("CNI_"));
  if (environment.length === 0)
    return refuse("BAD_CONFIG", "invalid network configuration", problems.join("; "));
  const names = new Set(environment.map((text) => text.split(/[.:]/, 1)[0]));
  return refuse("BAD_ENVIRONMENT", `invalid environment: ${[...names].join(", ")}`, problems.join("; "));
}

const problemsOf = (error: z.ZodError): string[] =>
  error.issues.map(({ path: [field, ...rest], message }) => {
    const at = [GIVEN_AS[String(field)] ?? String(field ?? "request"), ...rest.map(String)];
    return `${at.join(".")}: ${message}`;
  });
