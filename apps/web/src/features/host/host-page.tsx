"use client";
/** One host: how it is, what runs on it, what its kernel can do, what its agent does. */
import type { HostDetail } from "@millrace/contract/host";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useTRPC } from "@/trpc/client.tsx";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { Icon } from "@/ui/icon.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Tabs } from "@/ui/tabs.tsx";
import { Answer } from "@/view/answer.tsx";
import { useKept } from "@/view/kept-answer.ts";
import { PageHead } from "@/view/page-head.tsx";
import { useRefusal } from "@/view/session.ts";
import { SimulatedBadge } from "@/view/simulated-badge.tsx";
import { StateMark } from "@/view/state-mark.tsx";
import { newTraceHref } from "@/view/trace-link.ts";
import { useHref, useView } from "@/view/url-state.ts";
import { Age } from "./age.tsx";
import { HostAgent } from "./host-agent.tsx";
import { HostContainers } from "./host-containers.tsx";
import { HostDataplane } from "./host-dataplane.tsx";
import { HostKernel } from "./host-kernel.tsx";
import { HostNow } from "./host-now.tsx";
import { hostParams } from "./host-params.ts";

export function HostPage({ name }: { name: string }) {
  const { range, question } = useView();
  const trpc = useTRPC();
  const query = useKept(
    useQuery(trpc.hosts.get.queryOptions({ name, range }, { placeholderData: keepPreviousData })),
    `${question}\n${name}`,
  );
  return (
    <>
      <PageHead
        title={
          <span className="flex items-center gap-2">
            <Link
              href="/hosts"
              aria-label="Back to the fleet"
              className="grid size-6 place-items-center rounded text-text-3 hover:bg-surface-2"
            >
              <Icon name="back" size={16} />
            </Link>
            <span className="figure">{name}</span>
          </span>
        }
        summary={query.data && <HostLine detail={query.data} />}
        actions={<HostActions name={name} />}
      />
      <div className="px-4 pb-8">
        <Answer query={query} skeleton={<SkeletonRows rows={16} label="Loading the host" />}>
          {(detail) => <HostTabs detail={detail} />}
        </Answer>
      </div>
    </>
  );
}

function HostLine({ detail: { summary } }: { detail: HostDetail }) {
  return (
    <span className="flex flex-wrap items-center gap-3">
      <StateMark state={summary.state} />
      {summary.simulated && <SimulatedBadge />}
      <span className="figure text-xs">{summary.kernel}</span>
      <span className="text-xs">
        agent <span className="figure">{summary.agentVersion}</span>, {summary.mode} mode, last heard{" "}
        <Age at={summary.lastSeenMs} />
      </span>
    </span>
  );
}

function HostActions({ name }: { name: string }) {
  const router = useRouter();
  const link = useHref();
  const refusal = useRefusal("traces.start");
  return (
    <>
      <Link href={link("/flows", { q: `host=${name}` })} className={buttonLook()}>
        Flows
      </Link>
      <Button
        refusal={refusal}
        onClick={() => router.push(newTraceHref({ kind: "drops", hosts: [name], filter: {} }))}
      >
        <Icon name="traces" />
        Trace
      </Button>
    </>
  );
}

function HostTabs({ detail }: { detail: HostDetail }) {
  const [{ tab }, set] = useQueryStates(hostParams);
  const pods = detail.heartbeat?.pods ?? [];
  const uncovered = pods.filter((pod) => pod.state !== "covered").length;
  const absent = detail.capabilities.filter((capability) => !capability.supported).length;
  return (
    <Tabs
      label="About this host"
      open={tab}
      onOpen={(next) => void set({ tab: next as typeof tab })}
      tabs={[
        { id: "now", title: "Now", content: <HostNow detail={detail} /> },
        {
          id: "containers",
          title: "Containers",
          hint: (
            <span className="figure text-xs text-text-3">
              {pods.length - uncovered}
              {uncovered > 0 && ` of ${pods.length}`}
            </span>
          ),
          content: <HostContainers detail={detail} />,
        },
        { id: "dataplane", title: "Dataplane", content: <HostDataplane detail={detail} /> },
        {
          id: "kernel",
          title: "Kernel",
          hint: absent > 0 ? <Badge>{absent} absent</Badge> : null,
          content: <HostKernel detail={detail} />,
        },
        { id: "agent", title: "Agent", content: <HostAgent detail={detail} /> },
      ]}
    />
  );
}
