"use client";
/** The line above the table: how many flows, how live, what is not drawn. */
import type { FlowSearchOutput } from "@millrace/contract/flow";
import { count, text } from "@millrace/contract/units";
import { Button } from "@/ui/button.tsx";
import { classNames } from "@/ui/class-names.ts";
import { spanText } from "@/ui/instant.ts";
import { Quantity } from "@/ui/quantity.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { useNow, usePaused } from "@/view/clock.tsx";
import { problemOf } from "@/view/problem.ts";
import type { useFlowRows } from "./use-flow-rows.ts";

type Flows = ReturnType<typeof useFlowRows>;

export function FlowSummary({ flows }: { flows: Flows }) {
  const { first, stream, query } = flows;
  return (
    <p className="flex flex-wrap items-center gap-x-3" aria-live="off">
      {first && <Matched first={first} />}
      {first && first.orderedFrom !== null && <OrderedPart from={first.orderedFrom} />}
      {stream.fresh > 0 && (
        <span>
          <span className="figure">{text(count(stream.fresh))}</span> new since
        </span>
      )}
      {stream.status !== "off" && <StreamLine flows={flows} />}
      {stream.status === "off" && <HeldLine flows={flows} />}
      {query.isFetching && !query.isFetchingNextPage && <span className="text-text-3">asking…</span>}
    </p>
  );
}

function Matched({ first }: { first: FlowSearchOutput }) {
  return (
    <span title={`Answered in ${spanText(first.tookMs)}`}>
      {first.matched.capped && "at least "}
      <Quantity value={count(first.matched.count)} className="text-text-1" /> flows
    </span>
  );
}

/** Where the order is over a part of the time only. */
function OrderedPart({ from }: { from: number }) {
  return (
    <span
      className="text-warn"
      title="The time is too long to be put in this order. Order by last seen for all"
    >
      ▲ those since <TimeText at={from} as="day" /> only
    </span>
  );
}

function StreamLine({ flows: { stream, refresh } }: { flows: Flows }) {
  const [paused, setPaused] = usePaused();
  if (paused)
    return (
      <span className="flex items-center gap-2">
        <span className="text-warn">paused</span>
        <span>
          <Quantity value={count(stream.waiting)} /> changes wait
        </span>
        <Button size="sm" variant="quiet" onClick={() => setPaused(false)}>
          Go on
        </Button>
      </span>
    );
  if (stream.status === "failed")
    return (
      <span className="flex items-center gap-2 text-bad">
        ✕ the live stream broke: {problemOf(stream.error).title}
        <Button size="sm" onClick={refresh}>
          Start again
        </Button>
      </span>
    );
  return (
    <>
      <span
        className={classNames(
          "flex items-center gap-1.5",
          stream.status === "open" ? "text-ok" : "text-text-3",
        )}
      >
        <span aria-hidden>{stream.status === "open" ? "●" : "○"}</span>
        {stream.status === "open" ? "live" : "connecting"}
      </span>
      {stream.notDrawn > 0 && (
        <span title="New flows come faster than they can be read: these were left out of the table, not of the counts">
          <span className="figure">{text(count(stream.notDrawn))}</span> not drawn
        </span>
      )}
    </>
  );
}

/** A moving time that was held still for the reader says how far behind it is. */
function HeldLine({ flows: { held, refresh } }: { flows: Flows }) {
  const now = useNow(5000);
  const behind = now - held.range.to;
  if (held.choice.kind !== "last" || behind < 60_000) return null;
  return (
    <span className="flex items-center gap-2 text-text-3">
      as of {spanText(behind)} ago
      <Button size="sm" variant="quiet" onClick={refresh}>
        Show the newest
      </Button>
    </span>
  );
}
