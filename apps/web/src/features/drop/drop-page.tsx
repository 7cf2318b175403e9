"use client";
/** What is dropped, where and why; the reason that is chosen is explained beside the tree. */
import type { DropSummary } from "@millrace/contract/drop";
import { count } from "@millrace/contract/units";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { CheckField } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Answer } from "@/view/answer.tsx";
import { useReportCompleteness } from "@/view/completeness-store.ts";
import { useKept } from "@/view/kept-answer.ts";
import { PageHead } from "@/view/page-head.tsx";
import { rangePhrase } from "@/view/time-range.ts";
import { useView } from "@/view/url-state.ts";
import { DropChart } from "./drop-chart.tsx";
import { dropParams } from "./drop-params.ts";
import { DropTable } from "./drop-table.tsx";
import { type DropReason, dropTree } from "./drop-tree.ts";

/** The explanations of all reasons weigh as much as the page. */
const DropReasonPanel = dynamic(() => import("./drop-reason-panel.tsx").then((m) => m.DropReasonPanel), {
  ssr: false,
  loading: () => <aside className="w-96 shrink-0 border-l border-line max-lg:w-full max-lg:border-l-0" />,
});

export function DropPage() {
  const { range, filter, question } = useView();
  const [{ ordinary }, set] = useQueryStates(dropParams);
  const trpc = useTRPC();
  const query = useKept(
    useQuery(
      trpc.drops.summary.queryOptions({ range, filter, ordinary }, { placeholderData: keepPreviousData }),
    ),
    `${question}\n${ordinary}`,
  );
  useReportCompleteness(query.error ? undefined : query.data?.completeness);
  const tree = useMemo(() => dropTree(query.data?.groups ?? []), [query.data]);
  return (
    <div className="flex min-h-full flex-col">
      <PageHead
        title="Drops"
        summary={query.data && <Total tree={tree} />}
        actions={
          <CheckField
            label="Also ordinary ends"
            checked={ordinary}
            onChange={(on) => void set({ ordinary: on || null })}
          />
        }
      />
      <Answer query={query} skeleton={<SkeletonRows rows={12} label="Loading drops" />}>
        {(summary) => <DropBody summary={summary} tree={tree} />}
      </Answer>
    </div>
  );
}

function Total({ tree }: { tree: readonly DropReason[] }) {
  const losses = tree.filter((node) => node.class === "loss");
  const packets = losses.reduce((sum, node) => sum + node.packets, 0);
  return (
    <span>
      <Quantity value={count(packets)} className="text-text-1" /> packets lost for{" "}
      <span className="figure">{losses.length}</span> {losses.length === 1 ? "reason" : "reasons"}
    </span>
  );
}

function DropBody({ summary, tree }: { summary: DropSummary; tree: readonly DropReason[] }) {
  const [{ reason }, set] = useQueryStates(dropParams);
  const chosen = tree.find((node) => node.reason === reason) ?? tree[0];
  if (!chosen) return <NoDrops summary={summary} />;
  return (
    <>
      <div className="px-4 pb-2">
        <DropChart summary={summary} tree={tree} />
      </div>
      <div className="flex min-h-0 grow border-t border-line max-lg:flex-col">
        <div className="min-w-0 grow overflow-x-auto">
          <DropTable tree={tree} chosen={chosen.reason} onChoose={(next) => void set({ reason: next })} />
        </div>
        <DropReasonPanel node={chosen} />
      </div>
    </>
  );
}

function NoDrops({ summary }: { summary: DropSummary }) {
  const { choice, filter } = useView();
  const { hostsAnswered, hostsExpected } = summary.completeness;
  if (hostsExpected > 0 && hostsAnswered === 0)
    return (
      <Notice
        tone="bad"
        title={`What is dropped isn't known: ${hostsExpected === 1 ? "the only host is" : `all ${hostsExpected} hosts are`} silent.`}
        actions={
          <Link href="/hosts" className={buttonLook()}>
            Look at the hosts
          </Link>
        }
      >
        What agents counted meanwhile arrives when they are back.
      </Notice>
    );
  return (
    <Notice
      title={
        filter
          ? `Nothing that matches the filter was dropped ${rangePhrase(choice)}.`
          : `Nothing was dropped ${rangePhrase(choice)}.`
      }
    >
      {hostsAnswered} of {hostsExpected} hosts reported. Ordinary ends, such as packets to a socket that was
      just closed, are hidden unless asked for.
    </Notice>
  );
}
