"use client";
/** The columns of a trace's events, by its kind. */
import type { TraceEvent, TraceEventView } from "@millrace/contract/trace";
import type { TraceKind } from "@millrace/contract/trace-kind";
import { bytes, microseconds } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import { clockText, fullText } from "@/ui/instant.ts";
import { Quantity } from "@/ui/quantity.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { endAddress } from "@/view/end-name.ts";
import { STEP_TITLE } from "./trace-format.ts";

type Column = TableColumn<TraceEventView>;
type Connection = Extract<TraceEvent, { kind: "connections" }>;
type Drop = Extract<TraceEvent, { kind: "drops" }>;

/** Microseconds, since that is what tells the steps of one connection apart. */
export function eventClock(us: number): string {
  const ms = Math.floor(us / 1000);
  return `${clockText(ms, false, 3)}${String(Math.floor(us % 1000)).padStart(3, "0")}`;
}
/** With its day and zone. */
export const eventTime = (us: number): string => fullText(Math.floor(us / 1000), false, eventClock(us));

const who = (event: TraceEvent): string =>
  event.pod
    ? `${event.pod}${event.container && event.container !== event.pod ? `/${event.container}` : ""}`
    : (event.container ?? "");

const COMMON: readonly Column[] = [
  {
    id: "time",
    title: "Time",
    width: 132,
    cell: ({ event }) => (
      <span className="figure" title={eventTime(event.at)}>
        {eventClock(event.at)}
      </span>
    ),
  },
  {
    id: "host",
    title: "Host",
    width: 90,
    cell: ({ host }) => <span className="figure truncate">{host}</span>,
  },
];
const ENDS: readonly Column[] = [
  {
    id: "ends",
    title: "Source → destination",
    width: 290,
    grow: 3,
    cell: ({ event: { tuple } }) => (
      <span className="figure truncate">
        {endAddress({ ip: tuple.src, port: tuple.srcPort })} <span className="text-text-3">→</span>{" "}
        {endAddress({ ip: tuple.dst, port: tuple.dstPort })}
      </span>
    ),
  },
  {
    id: "proto",
    title: "Proto",
    width: 60,
    hidden: true,
    cell: ({ event }) => protocolName(event.tuple.proto),
  },
];
const WHO: readonly Column[] = [
  {
    id: "pod",
    title: "Pod / container",
    width: 160,
    grow: 1,
    cell: ({ event }) => <span className="truncate">{who(event) || <Unknown />}</span>,
  },
  {
    id: "process",
    title: "Process",
    width: 120,
    cell: ({ event: { process } }) =>
      process ? (
        <span className="truncate">
          {process.comm} <span className="figure text-text-3">{process.pid}</span>
        </span>
      ) : (
        <Unknown />
      ),
  },
];

const Unknown = () => <span className="text-text-3">–</span>;
const drop =
  (of: (event: Drop) => React.ReactNode): Column["cell"] =>
  ({ event }) =>
    event.kind === "drops" ? of(event) : null;
const connection =
  (of: (event: Connection) => React.ReactNode): Column["cell"] =>
  ({ event }) =>
    event.kind === "connections" ? of(event) : null;

const DROPS: readonly Column[] = [
  ...COMMON,
  {
    id: "reason",
    title: "Reason",
    width: 170,
    grow: 1,
    cell: drop((event) => (
      <span className={`figure truncate ${event.class === "loss" ? "text-dropped" : "text-text-2"}`}>
        {event.class === "loss" && "✕ "}
        {event.reason}
      </span>
    )),
  },
  {
    id: "place",
    title: "Place",
    width: 170,
    grow: 1,
    cell: drop((event) => <span className="figure truncate">{event.place}</span>),
  },
  ...ENDS,
  {
    id: "bytes",
    title: "Bytes",
    width: 70,
    align: "right",
    cell: drop((event) => <Quantity value={bytes(event.packetBytes)} />),
  },
  ...WHO,
];

const CONNECTIONS: readonly Column[] = [
  ...COMMON,
  {
    id: "step",
    title: "Step",
    width: 120,
    cell: connection((event) => (
      <span className={/reset|failed/.test(event.step) ? "text-dropped" : undefined}>
        {STEP_TITLE[event.step]}
        {event.error && <span className="figure ml-1 text-text-2">{event.error}</span>}
      </span>
    )),
  },
  ...ENDS,
  {
    id: "latency",
    title: "Latency",
    help: "From connect to established; from established to the end",
    width: 84,
    align: "right",
    cell: connection((event) => (
      <Quantity value={event.latencyUs === null ? null : microseconds(event.latencyUs)} />
    )),
  },
  ...WHO,
  {
    id: "sent",
    title: "Sent",
    width: 76,
    align: "right",
    cell: connection((event) => (
      <Quantity value={event.bytesSent === null ? null : bytes(event.bytesSent)} />
    )),
  },
  {
    id: "received",
    title: "Received",
    width: 76,
    align: "right",
    cell: connection((event) => (
      <Quantity value={event.bytesReceived === null ? null : bytes(event.bytesReceived)} />
    )),
  },
  {
    id: "rtt",
    title: "RTT",
    width: 76,
    align: "right",
    hidden: true,
    cell: connection((event) => <Quantity value={event.rttUs === null ? null : microseconds(event.rttUs)} />),
  },
  {
    id: "retransmits",
    title: "Retrans.",
    width: 70,
    align: "right",
    hidden: true,
    cell: connection((event) => <span className="figure">{event.retransmits ?? "–"}</span>),
  },
];

export const EVENT_COLUMNS: Record<TraceKind, readonly Column[]> = { drops: DROPS, connections: CONNECTIONS };
