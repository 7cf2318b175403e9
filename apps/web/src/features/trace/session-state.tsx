"use client";
/** A session's state as glyph and word, and the time it has left. */
import type { TraceSessionView } from "@millrace/contract/trace";
import { classNames } from "@/ui/class-names.ts";
import { spanText } from "@/ui/instant.ts";
import { useNow } from "@/view/clock.tsx";
import { TRACE_SESSION_TITLE } from "@/view/trace-words.ts";

const LOOK: Record<TraceSessionView["state"], { glyph: string; look: string }> = {
  requested: { glyph: "○", look: "text-text-2" },
  arming: { glyph: "◔", look: "text-warn" },
  running: { glyph: "●", look: "text-ok" },
  draining: { glyph: "◕", look: "text-warn" },
  done: { glyph: "■", look: "text-text-3" },
};

export function SessionState({ state }: { state: TraceSessionView["state"] }) {
  const { glyph, look } = LOOK[state];
  return (
    <span className={classNames("inline-flex items-center gap-1.5", look)}>
      <span aria-hidden>{glyph}</span>
      {TRACE_SESSION_TITLE[state]}
    </span>
  );
}

export function TimeLeft({ session }: { session: Pick<TraceSessionView, "state" | "leaseEndsAt"> }) {
  const now = useNow();
  if (session.state === "done") return <span className="text-text-3">–</span>;
  return <span className="figure">{spanText(Math.max(0, session.leaseEndsAt - now))}</span>;
}
