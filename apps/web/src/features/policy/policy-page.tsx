"use client";
/** One policy: whom it selects, what it says, the document it was written as, and the way to the flows it decided. */
import type { WholePolicyView } from "@millrace/contract/declared";
import { count, text } from "@millrace/contract/units";
import { useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { Icon } from "@/ui/icon.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { Answer } from "@/view/answer.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { useRefusal } from "@/view/session.ts";
import { useHref } from "@/view/url-state.ts";
import { PolicyMode } from "./policy-mode.tsx";
import { PolicyRules } from "./policy-rules.tsx";
import { arrivalText, policyName, subjectText } from "./policy-words.ts";

/** They bring the YAML library, or are seldom opened. */
const PolicyDocument = dynamic(() => import("./policy-document.tsx").then((m) => m.PolicyDocument), {
  ssr: false,
  loading: () => <SkeletonRows rows={8} label="Loading the document" />,
});
const DeletePolicy = dynamic(() => import("./delete-policy.tsx").then((m) => m.DeletePolicy), { ssr: false });

export function PolicyPage({ number }: { number: number }) {
  const trpc = useTRPC();
  const query = useQuery(trpc.policies.get.queryOptions({ number }, { refetchInterval: 10_000 }));
  const { data } = query;
  return (
    <>
      <PageHead
        title={
          <span className="flex items-center gap-2">
            <Link
              href="/policies"
              aria-label="Back to all policies"
              className="grid size-6 place-items-center rounded text-text-3 hover:bg-surface-2"
            >
              <Icon name="back" size={16} />
            </Link>
            <span className="figure">{data ? policyName(data) : `Policy ${number}`}</span>
          </span>
        }
        summary={data && <PolicyLine view={data} />}
        actions={data && <PolicyActions view={data} />}
      />
      <div className="px-4 pb-8">
        <Answer query={query} skeleton={<SkeletonRows rows={16} label="Loading the policy" />}>
          {(view) => <PolicyBody view={view} />}
        </Answer>
      </div>
    </>
  );
}

function PolicyLine({ view }: { view: WholePolicyView }) {
  return (
    <span className="flex flex-wrap items-center gap-3 text-xs">
      <PolicyMode mode={view.mode} />
      <Badge>{view.tier}</Badge>
      <span>
        {view.kind}, number <span className="figure">{view.number}</span>, revision{" "}
        <span className="figure">{view.revision}</span>, changed <TimeText at={view.changedAtMs} as="day" />{" "}
        by {view.changedBy}
      </span>
    </span>
  );
}

function PolicyActions({ view }: { view: WholePolicyView }) {
  const link = useHref();
  const router = useRouter();
  const refusal = useRefusal("documents.delete");
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <Link href={link("/flows", { q: `policy=${view.number}` })} className={buttonLook()}>
        Flows it decided
      </Link>
      <Button
        refusal={useRefusal("documents.applyAll")}
        onClick={() => router.push(`/policies/${view.number}/edit`)}
      >
        Edit
      </Button>
      <Button refusal={refusal} onClick={() => setDeleting(true)}>
        Delete
      </Button>
      {deleting && <DeletePolicy view={view} onClose={() => setDeleting(false)} />}
    </>
  );
}

function PolicyBody({ view }: { view: WholePolicyView }) {
  return (
    <div className="grid gap-x-10 gap-y-6 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="flex min-w-0 flex-col gap-6">
        <Section title="Selects" note={<Selected view={view} />}>
          <p className="py-2">{subjectText(view.policy)}</p>
          <Subjects view={view} />
        </Section>
        <PolicyRules policy={view.policy} />
      </div>
      <PolicyDocument view={view} />
    </div>
  );
}

function Selected({ view: { selected, hosts } }: { view: WholePolicyView }) {
  if (selected === null) return "more endpoints than are counted for a page";
  const endpoints = `${text(count(selected))} ${selected === 1 ? "endpoint" : "endpoints"} now`;
  return hosts && hosts.selected > 0 ? `${endpoints}, ${arrivalText(hosts)}` : endpoints;
}

function Subjects({ view: { subjects, selected } }: { view: WholePolicyView }) {
  if (selected === null) return null;
  const listed = subjects.reduce((sum, { endpoints }) => sum + endpoints, 0);
  return (
    <>
      <PlainTable
        label="Endpoints that it selects"
        rows={subjects}
        rowKey={({ namespace, labels }) => `${namespace} ${JSON.stringify(labels)}`}
        empty="No endpoint that Millrace carries fits. It takes effect as soon as one does."
        columns={[
          { title: "Namespace", cell: ({ namespace }) => <span className="figure">{namespace}</span> },
          { title: "Labels", cell: ({ labels }) => <Labels labels={labels} /> },
          {
            title: "Endpoints",
            align: "right",
            cell: ({ endpoints }) => <Quantity value={count(endpoints)} />,
          },
        ]}
      />
      {listed < selected && (
        <p className="py-2 text-text-3">{text(count(selected - listed))} more endpoints are not listed.</p>
      )}
    </>
  );
}

function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  const own = Object.entries(labels).filter(([key]) => key !== "io.kubernetes.pod.namespace");
  if (own.length === 0) return <span className="text-text-3">none</span>;
  return <span className="figure break-all">{own.map(([key, value]) => `${key}=${value}`).join(" ")}</span>;
}
