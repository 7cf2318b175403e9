/** Trace sessions and events as lines of text. */
import type { TraceEvent, TraceEventView, TraceSessionView } from "@millrace/contract/trace";
import { microseconds, text } from "@millrace/contract/units";
import { plain } from "./terminal.ts";

export function formatTraceSession(session: TraceSessionView): string {
  const hosts = session.hosts.map((h) => `${h.host} ${h.state}`).join(", ");
  const end = session.end ? ` (${session.end})` : "";
  return plain(
    `${session.id}  ${session.spec.kind}  ${session.state}${end}  ${session.events} events  by ${session.author}  [${hosts}]`,
  );
}

export function formatTraceEvent({ host, event }: TraceEventView): string {
  const { src, srcPort, dst, dstPort } = event.tuple;
  const who = [event.pod, event.container, event.process && `${event.process.comm}[${event.process.pid}]`];
  const head = `${new Date(event.at / 1000).toISOString()} ${host} ${who.filter(Boolean).join(" ") || "-"}`;
  return plain(`${head}  ${src}:${srcPort} -> ${dst}:${dstPort}  ${what(event)}`);
}

function what(event: TraceEvent): string {
  if (event.kind === "drops") {
    const stack = event.stack.slice(1, 6).join(" < ");
    return `dropped ${event.reason} at ${event.place}${stack ? ` < ${stack}` : ""}`;
  }
  const latency = event.latencyUs === null ? "" : ` after ${text(microseconds(event.latencyUs))}`;
  return `${event.step}${latency}${event.error ? `: ${event.error}` : ""}`;
}
