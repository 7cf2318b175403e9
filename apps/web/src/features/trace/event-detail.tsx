"use client";
/** One event, whole: every field, the kernel's stack, the packet's first bytes decoded. */
import type { TraceEventView } from "@millrace/contract/trace";
import { bytes, count, microseconds, text } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import { type ReactNode, useRef } from "react";
import { Button } from "@/ui/button.tsx";
import { CopyButton } from "@/ui/copy-button.tsx";
import { useFocusReturn } from "@/ui/focus-return.ts";
import { useHotkeys } from "@/ui/hotkeys.ts";
import { Icon } from "@/ui/icon.tsx";
import { Section } from "@/ui/section.tsx";
import { endAddress } from "@/view/end-name.ts";
import { eventTime } from "./event-columns.tsx";
import { PacketView } from "./packet-view.tsx";
import { STEP_TITLE } from "./trace-format.ts";

export function EventDetail({ view, onClose }: { view: TraceEventView; onClose: () => void }) {
  const { event } = view;
  const panel = useRef<HTMLElement>(null);
  useFocusReturn(panel);
  useHotkeys([{ key: "Escape", run: onClose }]);
  return (
    <aside
      ref={panel}
      aria-label="Event"
      className="enter flex w-[440px] shrink-0 flex-col overflow-auto border-l border-line bg-surface-0 max-lg:fixed max-lg:inset-y-0 max-lg:right-0 max-lg:z-30 max-lg:w-[min(440px,100vw)] max-lg:shadow-overlay"
    >
      <div className="sticky top-0 z-10 flex items-center gap-2 border-b border-line bg-surface-0 px-4 py-2">
        <h2 className="grow truncate text-sm">
          {event.kind === "drops" ? `✕ ${event.reason}` : STEP_TITLE[event.step]}
        </h2>
        <CopyButton label="Copy JSON" text={() => JSON.stringify(view, null, 2)} />
        <Button
          size="tiny"
          variant="quiet"
          aria-label="Close the event"
          title="Close (Esc)"
          onClick={onClose}
        >
          <Icon name="close" />
        </Button>
      </div>
      <div className="flex flex-col gap-5 px-4 py-3 text-xs">
        <Facts view={view} />
        {event.kind === "drops" && <Stack place={event.place} stack={event.stack} />}
        {event.kind === "drops" && <PacketView headers={event.headers} packetBytes={event.packetBytes} />}
      </div>
    </aside>
  );
}

function factsOf({ host, event }: TraceEventView): [string, ReactNode][] {
  const { tuple } = event;
  const facts: [string, ReactNode][] = [
    ["Time", eventTime(event.at)],
    ["Host", `${host}, event ${event.sequence}`],
    ["Source", endAddress({ ip: tuple.src, port: tuple.srcPort })],
    ["Destination", endAddress({ ip: tuple.dst, port: tuple.dstPort })],
    ["Protocol", protocolName(tuple.proto)],
    ["Pod", event.pod ? `${event.namespace ?? "?"}/${event.pod}` : "not known"],
    ["Container", event.container ?? "not known"],
    [
      "Process",
      event.process
        ? `${event.process.comm} (${event.process.pid})`
        : "not known: the kernel was not in a process",
    ],
  ];
  if (event.kind === "drops") {
    facts.push(
      ["Reason", event.reason],
      ["Class", event.class === "loss" ? "a real loss" : "an ordinary end"],
    );
    facts.push(["Place", event.place], ["Packet", text(bytes(event.packetBytes))]);
    return facts;
  }
  const known = (n: number | null, format: (n: number) => { value: string; unit: string }) =>
    n === null ? "not measured" : text(format(n));
  facts.push(["Latency", known(event.latencyUs, microseconds)], ["RTT", known(event.rttUs, microseconds)]);
  facts.push(["Sent", known(event.bytesSent, bytes)], ["Received", known(event.bytesReceived, bytes)]);
  facts.push(["Retransmits", known(event.retransmits, count)]);
  if (event.error) facts.push(["Error", event.error]);
  return facts;
}

function Facts({ view }: { view: TraceEventView }) {
  return (
    <dl className="grid grid-cols-[96px_1fr] gap-y-1">
      {factsOf(view).map(([title, value]) => (
        <div key={title} className="contents">
          <dt className="text-text-3">{title}</dt>
          <dd className="figure break-all">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Frames that ran after the place are the tracer's own way here. */
export const placeIn = (stack: readonly string[], place: string): number => {
  const name = place.replace(/\+0x.*$/, "");
  return stack.findIndex((frame) => frame.replace(/\+0x.*$/, "") === name);
};

function Stack({ place, stack }: { place: string; stack: readonly string[] }) {
  const dropped = placeIn(stack, place);
  return (
    <Section title="Kernel stack" note="the innermost first">
      {stack.length === 0 ? (
        <p className="py-2 text-text-3">The kernel gave none; the place is {place}.</p>
      ) : (
        <ol className="figure py-1">
          {stack.map((frame, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a frame is its place in the stack; recursion repeats names
            <li key={at} className="flex gap-3 py-0.5">
              <span className="w-5 text-right text-text-3">{at}</span>
              <span className={at === dropped ? "text-dropped" : at < dropped ? "text-text-3" : undefined}>
                {frame}
                {at === dropped && <span className="text-text-2"> ✕ dropped here</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
