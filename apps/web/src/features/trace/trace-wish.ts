/**
 * The form's fields as the address holds them, and the trace they ask for. Problems are named by field; the
 * rules are the contract's own.
 */
import { TRACE_KINDS, TRACE_LIMITS, TraceSpec } from "@millrace/contract/trace";
import {
  type inferParserType,
  parseAsArrayOf,
  parseAsInteger,
  parseAsString,
  parseAsStringLiteral,
} from "nuqs/server";

export const wishParams = {
  kind: parseAsStringLiteral(TRACE_KINDS).withDefault("drops"),
  hosts: parseAsArrayOf(parseAsString).withDefault([]),
  namespace: parseAsString.withDefault(""),
  pod: parseAsString.withDefault(""),
  container: parseAsString.withDefault(""),
  ipA: parseAsString.withDefault(""),
  portA: parseAsString.withDefault(""),
  ipB: parseAsString.withDefault(""),
  portB: parseAsString.withDefault(""),
  proto: parseAsString.withDefault(""),
  lease: parseAsInteger.withDefault(TRACE_LIMITS.leaseSeconds.default),
  rate: parseAsInteger.withDefault(TRACE_LIMITS.rateEps.default),
  why: parseAsString.withDefault(""),
};
export type Wish = inferParserType<typeof wishParams>;

const orNull = (text: string): string | null => text.trim() || null;
/** What isn't a number stays one that the contract refuses, so that its message stands at the field. */
const numberOrNull = (text: string): number | null => (text.trim() ? Number(text) : null);

const FIELD: Record<string, keyof Wish> = {
  leaseSeconds: "lease",
  rateEps: "rate",
  reason: "why",
  hosts: "hosts",
};
const SAYS: Partial<Record<keyof Wish, string>> = {
  hosts: "Choose at least one host",
  ipA: "Not an IPv4 or IPv6 address",
  ipB: "Not an IPv4 or IPv6 address",
  portA: "A port is a whole number from 1 to 65535",
  portB: "A port is a whole number from 1 to 65535",
  lease: `Between ${TRACE_LIMITS.leaseSeconds.min} s and ${TRACE_LIMITS.leaseSeconds.max} s`,
  rate: `Between ${TRACE_LIMITS.rateEps.min} and ${TRACE_LIMITS.rateEps.max} events a second`,
};

export type ReadWish =
  | { ok: true; spec: TraceSpec }
  | { ok: false; problems: Partial<Record<keyof Wish, string>> };

export function readWish(wish: Wish): ReadWish {
  const read = TraceSpec.safeParse({
    kind: wish.kind,
    hosts: wish.hosts,
    filter: {
      namespace: orNull(wish.namespace),
      pod: orNull(wish.pod),
      container: orNull(wish.container),
      ipA: orNull(wish.ipA),
      portA: numberOrNull(wish.portA),
      ipB: orNull(wish.ipB),
      portB: numberOrNull(wish.portB),
      proto: numberOrNull(wish.proto),
    },
    leaseSeconds: wish.lease,
    rateEps: wish.rate,
    reason: wish.why.trim(),
  });
  if (read.success) return { ok: true, spec: read.data };
  const problems: Partial<Record<keyof Wish, string>> = {};
  for (const { path, message } of read.error.issues) {
    const name = String(path[0] === "filter" ? path[1] : path[0]);
    const field = FIELD[name] ?? (name as keyof Wish);
    problems[field] = SAYS[field] ?? message;
  }
  return { ok: false, problems };
}
