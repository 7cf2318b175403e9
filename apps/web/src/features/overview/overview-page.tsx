"use client";
/** Is the fleet well? Six figures, two charts, what changed, and the worst five of each. */
import type { Overview } from "@millrace/contract/overview";
import { bytesPerSecond, microseconds, percent, perSecond } from "@millrace/contract/units";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/trpc/client.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { Notice } from "@/ui/notice.tsx";
import { Skeleton } from "@/ui/skeleton.tsx";
import { COLOR, SERIES } from "@/ui/tokens.ts";
import { Answer } from "@/view/answer.tsx";
import { useReportCompleteness, WHOLE_SHARE } from "@/view/completeness-store.ts";
import { useKept } from "@/view/kept-answer.ts";
import { PageHead } from "@/view/page-head.tsx";
import { useHref, useView } from "@/view/url-state.ts";
import { CarriedLine } from "./carried-line.tsx";
import { ChangeList } from "./change-list.tsx";
import { HostTile } from "./host-tile.tsx";
import { OverviewCharts } from "./overview-charts.tsx";
import { RunningTraces } from "./running-traces.tsx";
import { Tile } from "./tile.tsx";
import { WorstLists } from "./worst-lists.tsx";

export function OverviewPage() {
  const { range, question } = useView();
  const trpc = useTRPC();
  const query = useKept(
    useQuery(trpc.overview.get.queryOptions({ range }, { placeholderData: keepPreviousData })),
    question,
  );
  useReportCompleteness(query.error ? undefined : query.data?.completeness);
  return (
    <>
      <PageHead title="Overview" summary={query.data && <Verdict overview={query.data} />} />
      <Answer query={query} skeleton={<OverviewSkeleton />}>
        {(overview) =>
          hostCount(overview) === 0 && overview.bytesPerSecond.now === null ? (
            <NoHosts />
          ) : (
            <OverviewBody overview={overview} />
          )
        }
      </Answer>
    </>
  );
}

/** Of now, whatever time is shown: a time before the first host is no fleet without hosts. */
export const hostCount = ({ hosts }: Pick<Overview, "hosts">): number =>
  hosts.ok + hosts.warn + hosts.bad + hosts.unknown;

/** The answer to the page's question, in a sentence. */
function Verdict({ overview }: { overview: Overview }) {
  const { hosts, completeness } = overview;
  if (hostCount(overview) === 0) return null;
  const unwell = hosts.warn + hosts.bad + hosts.unknown;
  if (unwell === 0 && completeness.share >= WHOLE_SHARE)
    return <span>All hosts are well and report everything.</span>;
  const parts: string[] = [];
  if (hosts.bad > 0) parts.push(`${hosts.bad} bad`);
  if (hosts.warn > 0) parts.push(`${hosts.warn} with a warning`);
  if (hosts.unknown > 0) parts.push(`${hosts.unknown} silent`);
  return (
    <span className="text-warn">
      ▲ {parts.length > 0 ? `Hosts: ${parts.join(", ")}` : "Some reports are missing"}
    </span>
  );
}

function OverviewBody({ overview }: { overview: Overview }) {
  const link = useHref();
  return (
    <div className="flex flex-col gap-5 pb-6">
      <div className="grid grid-cols-2 divide-line border-y border-line sm:grid-cols-3 sm:divide-x xl:grid-cols-7">
        <Tile
          title="Traffic"
          data={overview.bytesPerSecond}
          format={bytesPerSecond}
          href={link("/flows", { sort: "-bytes" })}
        />
        <Tile title="New flows" data={overview.flowsPerSecond} format={perSecond} href={link("/flows")} />
        <Tile
          title="✕ Drops"
          data={overview.dropsPerSecond}
          format={perSecond}
          href={link("/drops")}
          moreIsWorse
          color={COLOR.dropped}
        />
        <Tile
          title="RTT, median"
          data={overview.rttP50Us}
          format={microseconds}
          href={link("/flows", { sort: "-rtt" })}
          moreIsWorse
          fromZero={false}
          color={SERIES[2]}
        />
        <Tile
          title="RTT, 99 %"
          data={overview.rttP99Us}
          format={microseconds}
          href={link("/flows", { sort: "-rtt" })}
          moreIsWorse
          fromZero={false}
          color={SERIES[2]}
        />
        <Tile
          title="Retransmitted"
          data={overview.retransmitShare}
          format={percent}
          href={link("/flows", { sort: "-retransmits", q: "retransmits>0" })}
          moreIsWorse
          color={SERIES[1]}
        />
        <HostTile hosts={overview.hosts} />
      </div>
      <CarriedLine overview={overview} />
      <OverviewCharts overview={overview} />
      <div className="grid gap-x-8 gap-y-6 px-4 lg:grid-cols-3">
        <div className="flex flex-col gap-6">
          <RunningTraces />
          <ChangeList changes={overview.changes} />
        </div>
        <div className="lg:col-span-2">
          <WorstLists worst={overview.worst} />
        </div>
      </div>
    </div>
  );
}

function NoHosts() {
  return (
    <Notice
      title="No host has an agent yet."
      actions={
        <Link href="/settings?tab=agents" className={buttonLook("primary")}>
          Add a host
        </Link>
      }
    >
      An agent counts what the containers of a host send and receive, and reports it here within seconds. It
      carries no packet and changes none.
    </Notice>
  );
}

function OverviewSkeleton() {
  return (
    <div role="status" aria-label="Loading the overview" className="flex flex-col gap-5">
      <div className="grid grid-cols-2 border-y border-line sm:grid-cols-3 xl:grid-cols-7">
        {["a", "b", "c", "d", "e", "f", "g"].map((key) => (
          <div key={key} className="flex h-[98px] flex-col gap-2 px-4 py-3">
            <Skeleton className="h-3 w-1/2" />
            <Skeleton className="h-5 w-2/3" />
            <Skeleton className="h-5 w-full opacity-50" />
          </div>
        ))}
      </div>
      <div className="grid gap-8 px-4 lg:grid-cols-2">
        <Skeleton className="h-40 opacity-50" />
        <Skeleton className="h-40 opacity-50" />
      </div>
    </div>
  );
}
