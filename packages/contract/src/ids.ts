/**
 * Identifiers and instants that cross a process. Branded, so that a host id can't be passed for a token id
 * and nanoseconds can't be added to milliseconds. Not for formatting: see units.ts.
 */
import { z } from "zod";

export const HostId = z.int().positive().brand<"HostId">();
export type HostId = z.infer<typeof HostId>;

/** A flow as one observer saw it: UUIDv7-like, its first 48 bits are the first packet's millisecond. */
export const FlowId = z.uuid().brand<"FlowId">();
export type FlowId = z.infer<typeof FlowId>;

export const TraceSessionId = z.uuid().brand<"TraceSessionId">();
export type TraceSessionId = z.infer<typeof TraceSessionId>;

/** One life of an agent's spool writer. With the sequence number it makes a batch's key. */
export const Incarnation = z.uuid().brand<"Incarnation">();
export type Incarnation = z.infer<typeof Incarnation>;

/** Milliseconds since 1970, UTC, until 2100: in microseconds it still is an exact number. */
export const Milliseconds = z.number().int().nonnegative().max(4_102_444_800_000).brand<"Milliseconds">();
export type Milliseconds = z.infer<typeof Milliseconds>;

/** A host's name: what its operator calls it, unique in the fleet. */
export const HostName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i, "letters, digits, dots and dashes only");

/** IPv4 or IPv6 in text; IPv4-mapped IPv6 never leaves the agent. */
export const IpAddress = z.union([z.ipv4(), z.ipv6()]);
