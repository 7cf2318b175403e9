"use client";
/** Pods and containers of the host: which are covered, and why others are not. */
import type { HostDetail } from "@millrace/contract/host";
import Link from "next/link";
import { Badge, type Tone } from "@/ui/badge.tsx";
import { Notice } from "@/ui/notice.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Section } from "@/ui/section.tsx";
import { useHref } from "@/view/url-state.ts";

type Pod = NonNullable<HostDetail["heartbeat"]>["pods"][number];
const STATE: Record<Pod["state"], { title: string; tone: Tone }> = {
  covered: { title: "● covered", tone: "ok" },
  attaching: { title: "○ attaching", tone: "neutral" },
  failed: { title: "✕ failed", tone: "bad" },
  "not-covered": { title: "○ not covered", tone: "warn" },
};

export function HostContainers({ detail }: { detail: HostDetail }) {
  if (!detail.heartbeat)
    return <Notice title="The agent has sent no heartbeat, so what runs here isn't known." />;
  const pods = detail.heartbeat.pods;
  const covered = pods.filter((pod) => pod.state === "covered");
  const others = pods.filter((pod) => pod.state !== "covered");
  return (
    <div className="flex flex-col gap-6">
      {others.length > 0 && (
        <Section title="Not covered" note={`${others.length}: their traffic is in no flow`}>
          <PodTable pods={others} />
        </Section>
      )}
      <Section title="Covered" note={String(covered.length)}>
        <PodTable pods={covered} />
      </Section>
    </div>
  );
}

function PodTable({ pods }: { pods: readonly Pod[] }) {
  const link = useHref();
  return (
    <PlainTable
      label="Pods"
      rows={pods}
      rowKey={(pod) => pod.uid}
      empty="None."
      columns={[
        {
          title: "Pod",
          cell: (pod) =>
            pod.pod ? (
              <Link href={link("/flows", { q: `pod=${pod.pod}` })} className="text-accent hover:underline">
                {pod.pod}
              </Link>
            ) : (
              <span className="figure text-text-2">{pod.uid.slice(0, 20)}</span>
            ),
        },
        { title: "Namespace", cell: (pod) => pod.namespace ?? "–" },
        { title: "Service", cell: (pod) => pod.service ?? "–" },
        {
          title: "State",
          cell: (pod) => <Badge tone={STATE[pod.state].tone}>{STATE[pod.state].title}</Badge>,
        },
        { title: "Why", className: "max-w-80 text-text-2", cell: (pod) => pod.reason ?? "" },
        {
          title: "Containers",
          cell: (pod) => (
            <ul>
              {pod.containers.map((container) => (
                <li key={container.id} title={container.image ?? undefined}>
                  {container.name ?? <span className="figure">{container.id.slice(0, 12)}</span>}{" "}
                  {container.pid !== null && <span className="figure text-text-3">{container.pid}</span>}
                </li>
              ))}
            </ul>
          ),
        },
        { title: "Runtime", cell: (pod) => pod.runtime },
        {
          title: "Addresses",
          cell: (pod) => (
            <span className="figure">
              {pod.interfaces.join(" ")} {pod.addresses.join(" ")}
            </span>
          ),
        },
      ]}
    />
  );
}
