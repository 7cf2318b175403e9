/**
 * A trace's ring records in the contract's words: names for namespaces and cgroups, places for addresses.
 * A record that can't be read yields undefined, whatever its bytes.
 */
import os from "node:os";
import type { FlowKey } from "@millrace/abi/generated/flow";
import {
  decodeTraceEventConnection,
  decodeTraceEventDrop,
  TraceConnectionStep,
  type TraceEventConnection,
  type TraceEventDrop,
  type TraceEventHeader,
} from "@millrace/abi/generated/trace";
import type { Workload } from "@millrace/contract/batch";
import type { TraceEvent } from "@millrace/contract/trace";
import type { TraceKind } from "@millrace/contract/trace-kind";
import { addressText } from "../endpoint/address.ts";
import type { DropReasons } from "../telemetry/drop-reasons.ts";
import type { Symbols } from "../telemetry/place.ts";

export type EventNames = {
  reasons: DropReasons;
  symbols: Symbols;
  wallUs: (bootNs: bigint) => number;
  /** By namespace and cgroup; by the tuple's addresses when the namespace is the host's. */
  workload: (cookie: bigint, cgroupId: bigint, flow: FlowKey) => Workload | undefined;
};
const STEPS: Record<number, (TraceEvent & { kind: "connections" })["step"]> = {
  [TraceConnectionStep.CONNECT]: "connect",
  [TraceConnectionStep.ACCEPT]: "accept",
  [TraceConnectionStep.ESTABLISHED]: "established",
  [TraceConnectionStep.RESET]: "reset",
  [TraceConnectionStep.CLOSE]: "close",
  [TraceConnectionStep.CONNECT_FAILED]: "connect-failed",
};
const ERRNO = new Map(Object.entries(os.constants.errno).map(([name, number]) => [number, name]));

export function decodeEvent(
  kind: TraceKind,
  record: DataView,
  sequence: number,
  names: EventNames,
): TraceEvent | undefined {
  if (kind === "drops") {
    const drop = decodeTraceEventDrop(record);
    return drop && dropEvent(drop, sequence, names);
  }
  const connection = decodeTraceEventConnection(record);
  return connection && connectionEvent(connection, sequence, names);
}

function head(header: TraceEventHeader, flow: FlowKey, sequence: number, names: EventNames) {
  const who = names.workload(header.netnsCookie, header.cgroupId, flow);
  return {
    sequence,
    at: names.wallUs(header.atNs),
    tuple: {
      src: addressText(flow.saddr),
      dst: addressText(flow.daddr),
      srcPort: flow.sport,
      dstPort: flow.dport,
      proto: flow.proto,
    },
    namespace: who?.namespace ?? null,
    pod: who?.pod ?? null,
    container: who?.container ?? null,
    process: header.pid ? { pid: header.pid, comm: textOf(header.comm) } : null,
  };
}

function dropEvent(event: TraceEventDrop, sequence: number, names: EventNames): TraceEvent {
  const reason = names.reasons.of(event.reason);
  const depth = Math.min(event.stackDepth, event.stack.length);
  const bytes = Math.min(event.headerBytes, event.headers.length);
  return {
    kind: "drops",
    ...head(event.header, event.flow, sequence, names),
    reason: reason.name,
    class: reason.ordinary ? "ordinary" : "loss",
    place: names.symbols.place(event.location),
    stack: event.stack.slice(0, depth).map((address) => names.symbols.place(address)),
    packetBytes: event.packetBytes,
    headers: Buffer.from(event.headers.subarray(0, bytes)).toString("base64"),
  };
}

function connectionEvent(
  event: TraceEventConnection,
  sequence: number,
  names: EventNames,
): TraceEvent | undefined {
  const step = STEPS[event.step];
  if (!step) return undefined;
  const over = step === "close" || step === "reset";
  return {
    kind: "connections",
    ...head(event.header, event.flow, sequence, names),
    step,
    latencyUs: event.latencyNs ? Number(event.latencyNs / 1000n) : null,
    bytesSent: over ? Number(event.bytesSent) : null,
    bytesReceived: over ? Number(event.bytesReceived) : null,
    rttUs: event.rttUs || null,
    retransmits: over ? event.retransmits : null,
    error: event.error ? (ERRNO.get(event.error) ?? `errno ${event.error}`) : null,
  };
}

/** Up to the first zero; what isn't printable is shown as a question mark. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString("utf8");
  return text.replaceAll(/\p{C}/gu, "?");
}
