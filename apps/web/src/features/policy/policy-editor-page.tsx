"use client";
/** A new policy, or one that stands, as a draft. The editor itself is loaded after the page. */
import { useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import Link from "next/link";
import { useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Icon } from "@/ui/icon.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Failed } from "@/view/answer.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { policyName } from "./policy-words.ts";

const loading = () => <SkeletonRows rows={16} label="Loading the editor" />;
const PolicyEditor = dynamic(() => import("./policy-editor.tsx").then((m) => m.PolicyEditor), {
  ssr: false,
  loading,
});

export function NewPolicyPage() {
  return (
    <>
      <EditorHead title="New policy" back="/policies" />
      <PolicyEditor document={null} onReload={() => {}} />
    </>
  );
}

export function EditPolicyPage({ number }: { number: number }) {
  const trpc = useTRPC();
  const policy = useQuery(trpc.policies.get.queryOptions({ number }));
  const { kind, namespace, name } = policy.data ?? { kind: "Policy" as const, namespace: "", name: "" };
  const whole = useQuery(
    trpc.documents.get.queryOptions(
      { kind, namespace, name },
      // A draft begins with what stands when it is opened, and nothing takes its place meanwhile.
      { enabled: policy.data !== undefined, staleTime: Number.POSITIVE_INFINITY, gcTime: 0 },
    ),
  );
  const [times, setTimes] = useState(0);
  const reload = async () => {
    await whole.refetch();
    setTimes(times + 1);
  };
  const error = policy.error ?? whole.error;
  return (
    <>
      <EditorHead
        title={policy.data ? `Edit ${policyName(policy.data)}` : `Edit policy ${number}`}
        back={`/policies/${number}`}
      />
      {whole.data ? (
        <PolicyEditor key={times} document={whole.data.document} onReload={() => void reload()} />
      ) : error ? (
        <Failed error={error} onRetry={() => void (policy.error ? policy : whole).refetch()} />
      ) : (
        loading()
      )}
    </>
  );
}

function EditorHead({ title, back }: { title: string; back: string }) {
  return (
    <PageHead
      title={
        <span className="flex items-center gap-2">
          <Link
            href={back}
            aria-label="Back without applying"
            className="grid size-6 place-items-center rounded text-text-3 hover:bg-surface-2"
          >
            <Icon name="back" size={16} />
          </Link>
          {title}
        </span>
      }
      summary="Written as documents, checked and tried before they are applied."
    />
  );
}
