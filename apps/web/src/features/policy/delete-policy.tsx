"use client";
/** Asks once before a policy is deleted, with what that would change: as much of it as the last hour's flows tell. */
import type { WholePolicyView } from "@millrace/contract/declared";
import { count, text } from "@millrace/contract/units";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Confirm } from "@/ui/confirm.tsx";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";
import { policyName } from "./policy-words.ts";
import { notJudgedSentences, WHAT_IF_MS, whatIfSentence } from "./what-if-words.ts";

export function DeletePolicy({ view, onClose }: { view: WholePolicyView; onClose: () => void }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const router = useRouter();
  const { kind, namespace, name } = view;
  const remove = useMutation(
    trpc.documents.delete.mutationOptions({
      onSuccess: () => {
        onClose();
        showToast({ tone: "done", text: `${kind} ${policyName(view)} is deleted` });
        router.push("/policies");
        void client.invalidateQueries(trpc.policies.list.queryFilter());
      },
      onError: (error) => showToast({ tone: "failed", text: "Not deleted", detail: problemOf(error).title }),
    }),
  );
  return (
    <Confirm
      open
      onOpenChange={onClose}
      title={`Delete ${kind} ${policyName(view)}?`}
      action="Delete 1 policy"
      busy={remove.isPending}
      onConfirm={() => remove.mutate({ documents: [{ kind, namespace, name }] })}
    >
      {subjectSentence(view)} <Effect view={view} />
    </Confirm>
  );
}

function subjectSentence({ selected, mode }: WholePolicyView): string {
  const endpoints = `${selected === null ? "The" : `The ${text(count(selected))}`} endpoints that it selects`;
  return mode === "observe"
    ? `It observes, so no flow is forwarded or dropped otherwise. ${endpoints} are watched by it no longer.`
    : `${endpoints} are held by it no longer, from their next packet on.`;
}

function Effect({ view: { kind, namespace, name } }: { view: WholePolicyView }) {
  const trpc = useTRPC();
  const [range] = useState(() => ({ from: Date.now() - WHAT_IF_MS, to: Date.now() }));
  const { data, error } = useQuery(
    trpc.policies.whatIf.queryOptions({ documents: [], remove: [{ kind, namespace, name }], range }),
  );
  if (error) return <>What that changes isn't known: {problemOf(error).title}.</>;
  if (!data?.ok) return <>Looking at the last hour's flows…</>;
  return <>{[whatIfSentence(data, WHAT_IF_MS), ...notJudgedSentences(data.notJudged)].join(" ")}</>;
}
