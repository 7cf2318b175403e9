/**
 * The form's fields as the address holds them, and the trace they ask for. Problems are named by field. The
 * rules are the contract's, written out so that the page needn't carry its schemas; a test compares them.
 */
import type { TraceSpec } from "@millrace/contract/trace";
import { TRACE_KINDS, TRACE_LIMITS } from "@millrace/contract/trace-kind";
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
export type ReadWish =
  | { ok: true; spec: TraceSpec }
  | { ok: false; problems: Partial<Record<keyof Wish, string>> };

const orNull = (text: string): string | null => text.trim() || null;
const numberOrNull = (text: string): number | null => (text.trim() ? Number(text) : null);

const HOST = /^[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?$/i;
const HOSTS_MOST = 1000;
const within = (n: number, least: number, most: number): boolean =>
  Number.isInteger(n) && n >= least && n <= most;
const isPort = (text: string): boolean => !text.trim() || within(Number(text), 1, 65_535);
const isName = (text: string): boolean => text.trim().length <= 253;

const OCTET = /^(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/;
const isIp4 = (text: string): boolean => {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => OCTET.test(part));
};
/** Eight groups of up to four hex digits, one run of zeros left out, perhaps IPv4 at the end. */
export function isIp6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half ? half.split(":") : []));
  const last = groups.at(-1);
  const tail = last?.includes(".") ? 1 : 0;
  if (tail && !isIp4(last as string)) return false;
  const hex = tail ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  const count = hex.length + tail * 2;
  return halves.length === 2 ? count < 8 : count === 8;
}
const isAddress = (text: string): boolean => !text.trim() || isIp4(text.trim()) || isIp6(text.trim());

const PORT = "A port is a whole number from 1 to 65535";
const ADDRESS = "Not an IPv4 or IPv6 address";
const { leaseSeconds: LEASE, rateEps: RATE } = TRACE_LIMITS;
const RULES: { [Field in keyof Wish]?: { holds: (wish: Wish) => boolean; says: string } } = {
  hosts: {
    holds: ({ hosts }) => within(hosts.length, 1, HOSTS_MOST) && hosts.every((host) => HOST.test(host)),
    says: `Choose between one and ${HOSTS_MOST} hosts`,
  },
  namespace: { holds: (wish) => isName(wish.namespace), says: "Too long for a name" },
  pod: { holds: (wish) => isName(wish.pod), says: "Too long for a name" },
  container: { holds: (wish) => isName(wish.container), says: "Too long for a name" },
  ipA: { holds: (wish) => isAddress(wish.ipA), says: ADDRESS },
  portA: { holds: (wish) => isPort(wish.portA), says: PORT },
  ipB: { holds: (wish) => isAddress(wish.ipB), says: ADDRESS },
  portB: { holds: (wish) => isPort(wish.portB), says: PORT },
  proto: {
    holds: ({ proto }) => !proto.trim() || within(Number(proto), 0, 255),
    says: "A protocol is a number from 0 to 255",
  },
  lease: {
    holds: ({ lease }) => within(lease, LEASE.min, LEASE.max),
    says: `Between ${LEASE.min} s and ${LEASE.max} s`,
  },
  rate: {
    holds: ({ rate }) => within(rate, RATE.min, RATE.max),
    says: `Between ${RATE.min} and ${RATE.max} events a second`,
  },
  why: { holds: ({ why }) => why.trim().length <= 500, says: "At most 500 letters" },
};

/** What the form says, right or not: the API is the judge. */
export const specOf = (wish: Wish): TraceSpec => ({
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

export function readWish(wish: Wish): ReadWish {
  const problems: Partial<Record<keyof Wish, string>> = {};
  for (const field of Object.keys(RULES) as (keyof Wish)[]) {
    const rule = RULES[field];
    if (rule && !rule.holds(wish)) problems[field] = rule.says;
  }
  return Object.keys(problems).length > 0 ? { ok: false, problems } : { ok: true, spec: specOf(wish) };
}
