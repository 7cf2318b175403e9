/**
 * What a second process may ask of a running lab: one JSON request a line over the unix socket in the state
 * directory, one JSON answer a line back, in order. Shapes only; control-server.ts and control-client.ts
 * speak it.
 */
import { z } from "zod";
import { FAULT_NAMES } from "./fault.ts";
import { MAX_RATE_PER_SECOND } from "./settings.ts";

export const ControlRequest = z.discriminatedUnion("ask", [
  z.strictObject({ ask: z.literal("status") }),
  z.strictObject({ ask: z.literal("fault"), name: z.enum(FAULT_NAMES), on: z.boolean() }),
  z.strictObject({ ask: z.literal("rate"), ratePerSecond: z.number().min(0).max(MAX_RATE_PER_SECOND) }),
  z.strictObject({ ask: z.literal("down") }),
]);
export type ControlRequest = z.infer<typeof ControlRequest>;

export const ControlAnswer = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);
export type ControlAnswer = z.infer<typeof ControlAnswer>;

/** Of one line, either way: a request is tiny, a status grows with the pods. */
export const REQUEST_LIMIT_BYTES = 4_096;
export const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;

export function parseRequest(line: string): ControlRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error("the request isn't JSON");
  }
  const parsed = ControlRequest.safeParse(value);
  if (!parsed.success) throw new Error(`the request isn't valid: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
