"use client";
/** A trace's hosts with their states, and its counters: what was seen, shown, and left out by whom. */
import type { TraceHostView, TraceSessionView } from "@millrace/contract/trace";
import { TRACE_END_TITLE } from "@millrace/contract/trace-kind";
import { count } from "@millrace/contract/units";
import { classNames } from "@/ui/class-names.ts";
import { Quantity } from "@/ui/quantity.tsx";
import { ScrollBox } from "@/ui/scroll-box.tsx";
import { TRACE_HOST_TITLE } from "@/view/trace-words.ts";
import { missingSequences } from "./event-buffer.ts";
import { sumStats } from "./trace-format.ts";
import type { useTrace } from "./use-trace.ts";

const LOOK: Record<TraceHostView["state"], { glyph: string; look: string }> = {
  pending: { glyph: "○", look: "text-text-2" },
  attaching: { glyph: "◔", look: "text-warn" },
  attached: { glyph: "●", look: "text-ok" },
  detaching: { glyph: "◕", look: "text-warn" },
  ended: { glyph: "■", look: "text-text-3" },
};

export function TraceHosts({ session }: { session: TraceSessionView }) {
  return (
    <ScrollBox label="Hosts" className="max-h-24 shrink-0 px-4 py-1.5">
      <ul className="flex flex-wrap gap-1.5 text-xs">
        {session.hosts.map((host) => {
          const failed = host.end === "refused" || host.end === "error" || host.end === "agent-lost";
          const { glyph, look } = LOOK[host.state];
          return (
            <li
              key={host.host}
              title={host.endDetail ?? undefined}
              className="flex h-6 items-center gap-2 rounded border border-line px-2"
            >
              <span className={failed ? "text-bad" : look}>
                <span aria-hidden>{failed ? "✕" : glyph}</span>
              </span>
              <span className="figure">{host.host}</span>
              <span className={failed ? "text-bad" : "text-text-2"}>
                {TRACE_HOST_TITLE[host.state]}
                {host.end && `: ${TRACE_END_TITLE[host.end]}`}
                {failed && host.endDetail && ` (${host.endDetail})`}
              </span>
              <Quantity value={count(host.stats.emitted)} className="text-text-2" />
            </li>
          );
        })}
      </ul>
    </ScrollBox>
  );
}

type TraceCountersProps = { session: TraceSessionView; trace: ReturnType<typeof useTrace> };

export function TraceCounters({ session, trace }: TraceCountersProps) {
  const stats = sumStats(session.hosts.map((host) => host.stats));
  const { buffer, notShown, paused } = trace;
  const missing = missingSequences(buffer.rows);
  const figures: [string, number, string, boolean][] = [
    ["seen", stats.seen, "Events the programs looked at", false],
    ["emitted", stats.emitted, "Events that matched and were sent", false],
    ["over rate", stats.overRate, "Matched, but more than the rate allows: counted in the kernel only", true],
    ["ring full", stats.ringFull, "Matched, but the agent read too slowly", true],
    ["undelivered", stats.undelivered, "Lost between the agent and the database", true],
    ["not shown", notShown + buffer.notHeld, "Kept, but more than this page can hold", true],
    ["gaps", missing, "Numbers that are missing between the events below", true],
  ];
  return (
    <dl className="flex shrink-0 flex-wrap items-baseline gap-x-6 gap-y-1 px-4 pb-2 text-xs">
      {figures.map(([title, value, help, isLoss]) => (
        <div key={title} title={help} className="flex items-baseline gap-1.5">
          <dd className={classNames("text-sm", isLoss && value > 0 ? "text-warn" : isLoss && "text-text-3")}>
            <Quantity value={count(value)} />
          </dd>
          <dt className="text-text-2">{title}</dt>
        </div>
      ))}
      {paused && <span className="text-warn">paused</span>}
    </dl>
  );
}
