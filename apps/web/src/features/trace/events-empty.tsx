"use client";
/** No events, and why that is so now. */
import type { TraceSessionView } from "@millrace/contract/trace";
import { Notice } from "@/ui/notice.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Failed } from "@/view/answer.tsx";
import { filterText, sumStats } from "./trace-format.ts";

type EventsEmptyProps = {
  session: TraceSessionView;
  loading: boolean;
  error: unknown;
  onRetry: () => void;
};

export function EventsEmpty({ session, loading, error, onRetry }: EventsEmptyProps) {
  const stats = sumStats(session.hosts.map((host) => host.stats));
  if (error) return <Failed error={error} onRetry={onRetry} />;
  if (session.state === "requested" || session.state === "arming")
    return (
      <Notice title="Attaching.">
        Events come as soon as the hosts' agents have put the programs in place.
      </Notice>
    );
  if (loading) return <SkeletonRows rows={8} label="Loading events" />;
  if (session.state !== "done")
    return (
      <Notice title="Nothing yet.">
        The programs are attached and waiting for {filterText(session.spec.filter)}; {stats.seen} events were
        looked at, none matched.
      </Notice>
    );
  if (session.hosts.every((host) => host.attachedAt === null))
    return (
      <Notice tone="bad" title="It was never attached.">
        {session.hosts.map((host) => (
          <p key={host.host}>
            <span className="figure">{host.host}</span>: {host.endDetail ?? "no reason given"}
          </p>
        ))}
      </Notice>
    );
  return (
    <Notice title="It ended without an event.">
      While it ran, nothing matched {filterText(session.spec.filter)}.
    </Notice>
  );
}
