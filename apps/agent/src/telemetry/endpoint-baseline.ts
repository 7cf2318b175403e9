/**
 * What has been reported of every endpoint: the kernel's totals of it and its interface's own counters.
 * The entries are also what a restarted agent knows of endpoints whose container has gone meanwhile.
 */
import {
  ENDPOINT_OFFSETS,
  EndpointClass,
  EndpointLimit,
  EndpointNote,
} from "@millrace/abi/generated/endpoint";
import { FLOW_COUNTERS_SIZE } from "@millrace/abi/generated/flow";
import { type EndpointReport, Workload } from "@millrace/contract/batch";
import { z } from "zod";

/** tx packets, tx bytes, rx packets, rx bytes, tx dropped, rx dropped. */
export const DEVICE_COUNTERS = 6;
const CLASSES = [
  ["total", EndpointClass.TOTAL],
  ["notIp", EndpointClass.NOT_IP],
  ["truncated", EndpointClass.TRUNCATED],
  ["tableFull", EndpointClass.TABLE_FULL],
  ["flowRetired", EndpointClass.FLOW_RETIRED],
  ["otherHost", EndpointClass.OTHER_HOST],
  ["spoofed", EndpointClass.SPOOFED],
  ["overBudget", EndpointClass.OVER_BUDGET],
] as const;
const NOTES = Object.entries(EndpointNote).map(([name, at]) => [kebab(name), at] as const);
export const CLASS_COUNT = CLASSES.length;
/** Where the ingress classes begin among the totals. */
export const INGRESS = CLASS_COUNT * 3;
/** Packets, segments, bytes of each class, egress then ingress; then the notes. */
export const TOTALS = 2 * INGRESS + NOTES.length;
/** In `notes`: the interface's counters could not be read at a quiet moment, so its baseline may be off. */
export const INEXACT_NOTE = "device-inexact";

/** Nothing counted yet. */
export const zeros = (length: number): number[] => new Array<number>(length).fill(0);

const numbers = (length: number) => z.array(z.number()).length(length);
export const EndpointState = z.object({
  id: z.int().positive(),
  uid: z.string(),
  cookie: z.string(),
  ifindex: z.int(),
  /** The host's end of its link, where that is what we count at. */
  port: z.object({ cookie: z.string(), ifindex: z.int() }).nullable().default(null),
  interface: z.string(),
  addresses: z.array(z.string()),
  workload: Workload,
  /** Reported so far, as the kernel counts from the endpoint's making. */
  totals: numbers(TOTALS),
  /** Reported so far, as the interface counts; null until read for the first time. */
  device: numbers(DEVICE_COUNTERS).nullable(),
  inexact: z.boolean(),
});
export type EndpointState = z.infer<typeof EndpointState>;

/** The totals of one entry of the per-CPU `endpoints` map, summed over its CPUs, in our order. */
export function readTotals(values: DataView, at: number, cpus: number, stride: number): number[] {
  const totals = zeros(TOTALS);
  for (let cpu = 0; cpu < cpus; cpu++) addTotals(totals, values, at + cpu * stride);
  return totals;
}

function addTotals(totals: number[], values: DataView, at: number): void {
  let to = 0;
  for (let direction = 0; direction < 2; direction++)
    for (const [, index] of CLASSES) {
      const from =
        at + ENDPOINT_OFFSETS.counters + (direction * EndpointLimit.EP_CLASSES + index) * FLOW_COUNTERS_SIZE;
      for (let word = 0; word < 3; word++) add(totals, to++, values, from + word * 8);
    }
  for (const [, index] of NOTES) add(totals, to++, values, at + ENDPOINT_OFFSETS.notes + index * 8);
}
function add(totals: number[], to: number, values: DataView, at: number): void {
  totals[to] = (totals[to] as number) + Number(values.getBigUint64(at, true));
}

type Rates = Pick<EndpointReport, "egress" | "ingress" | "notes">;
/** What the totals grew by, in the wire's form. */
export function totalsDelta(before: readonly number[], now: readonly number[]): Rates {
  const delta = (i: number) => Math.max(0, (now[i] as number) - (before[i] as number));
  const classesAt = (base: number) =>
    Object.fromEntries(
      CLASSES.map(([name], i) => {
        const at = base + i * 3;
        return [name, { packets: delta(at), segments: delta(at + 1), bytes: delta(at + 2) }];
      }),
    ) as Rates["egress"];
  const notesAt = 2 * INGRESS;
  const notes = NOTES.map(([name], i) => [name, delta(notesAt + i)] as const).filter(([, n]) => n > 0);
  return {
    egress: classesAt(0),
    ingress: classesAt(INGRESS),
    notes: Object.fromEntries(notes),
  };
}

export function deviceDelta(before: readonly number[], now: readonly number[]): EndpointReport["device"] {
  const delta = (i: number) => Math.max(0, (now[i] as number) - (before[i] as number));
  return {
    txPackets: delta(0),
    txBytes: delta(1),
    rxPackets: delta(2),
    rxBytes: delta(3),
    txDropped: delta(4),
    rxDropped: delta(5),
  };
}

/**
 * What the interface had counted when the endpoint's totals stood at zero, from both read at one quiet
 * moment: attaching and reading are two calls, and on a busy interface packets pass between them.
 */
export function deviceAtZero(device: readonly number[], totals: readonly number[]): number[] {
  const counted = [totals[0], totals[2], totals[INGRESS], totals[INGRESS + 2], 0, 0] as number[];
  return device.map((value, i) => Math.max(0, value - (counted[i] as number)));
}

export function deviceCounters(stats: Record<string, bigint>): number[] {
  return ["tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "tx_dropped", "rx_dropped"].map((name) =>
    Number(stats[name] ?? 0n),
  );
}

export const isEqual = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

function kebab(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
