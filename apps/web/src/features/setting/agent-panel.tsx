"use client";
/** Which agents may report, and how one more gets in. */
import type { AgentView } from "@millrace/contract/setting";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import Link from "next/link";
import { type FormEvent, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Confirm } from "@/ui/confirm.tsx";
import { SelectField, TextField } from "@/ui/field.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { showToast } from "@/ui/toast.tsx";
import { Answer } from "@/view/answer.tsx";
import { useNow } from "@/view/clock.tsx";
import { problemOf } from "@/view/problem.ts";
import { useRefusal } from "@/view/session.ts";

const SecretOnce = dynamic(() => import("./secret-once.tsx").then((m) => m.SecretOnce), { ssr: false });
const MINUTES = [
  { value: "15", title: "15 minutes" },
  { value: "60", title: "1 hour" },
  { value: "1440", title: "1 day" },
];

export function AgentPanel() {
  const trpc = useTRPC();
  const agents = useQuery(trpc.agents.list.queryOptions());
  return (
    <div className="flex flex-col gap-8">
      <Section title="Agents">
        <Answer query={agents} skeleton={<SkeletonRows rows={4} label="Loading agents" />}>
          {(list) => <AgentTable agents={list} />}
        </Answer>
      </Section>
      <EnrolForm />
    </div>
  );
}

function AgentTable({ agents }: { agents: readonly AgentView[] }) {
  const now = useNow(5000);
  const trpc = useTRPC();
  const client = useQueryClient();
  const role = useRefusal("agents.revoke");
  const [revoking, setRevoking] = useState<AgentView | null>(null);
  const revoke = useMutation(
    trpc.agents.revoke.mutationOptions({
      onSuccess: ({ host }) => {
        setRevoking(null);
        showToast({ tone: "done", text: `The agent of ${host} is refused from now on` });
        void client.invalidateQueries(trpc.agents.pathFilter());
      },
      onError: (error) => showToast({ tone: "failed", text: "Not revoked", detail: problemOf(error).title }),
    }),
  );
  return (
    <>
      <PlainTable
        label="Agents"
        rows={agents}
        rowKey={(agent) => agent.host}
        empty="No agent is enrolled yet."
        columns={[
          {
            title: "Host",
            cell: (agent) => (
              <Link href={`/hosts/${agent.host}`} className="figure text-accent hover:underline">
                {agent.host}
              </Link>
            ),
          },
          { title: "Enrolled", cell: (agent) => <TimeText at={agent.enrolledAtMs} as="day" /> },
          { title: "Heard from", cell: (agent) => <TimeText at={agent.lastSeenMs} as="age" now={now} /> },
          {
            title: "Credential",
            cell: (agent) =>
              agent.revokedAtMs === null ? (
                <span className="text-ok">✓ good</span>
              ) : (
                <span className="text-warn">
                  ⊘ revoked <TimeText at={agent.revokedAtMs} as="day" />
                </span>
              ),
          },
          {
            title: "Actions",
            hideTitle: true,
            align: "right",
            cell: (agent) => (
              <Button
                size="sm"
                refusal={role ?? (agent.revokedAtMs === null ? null : "It is revoked already")}
                onClick={() => setRevoking(agent)}
              >
                Revoke
              </Button>
            ),
          },
        ]}
      />
      <Confirm
        open={revoking !== null}
        onOpenChange={() => setRevoking(null)}
        title={`Revoke the agent of ${revoking?.host}?`}
        action="Revoke 1 agent"
        busy={revoke.isPending}
        onConfirm={() => revoking && revoke.mutate({ host: revoking.host })}
      >
        It can report nothing more and its traces end. The host's containers keep talking. To let it in again
        it has to be enrolled anew.
      </Confirm>
    </>
  );
}

function EnrolForm() {
  const trpc = useTRPC();
  const role = useRefusal("agents.createEnrolToken");
  const [made, setMade] = useState<{ command: string } | null>(null);
  const create = useMutation(
    trpc.agents.createEnrolToken.mutationOptions({
      onSuccess: setMade,
      onError: (error) =>
        showToast({ tone: "failed", text: "No token was made", detail: problemOf(error).title }),
    }),
  );
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate({ host: String(form.get("host")) || null, expiresInMinutes: Number(form.get("minutes")) });
  };
  return (
    <Section title="Add a host" note="makes a token that enrols one agent, once">
      <form onSubmit={onSubmit} className="flex flex-wrap items-end gap-3 py-3">
        <TextField label="Only for the host named (optional)" name="host" placeholder="h3" figure />
        <SelectField label="Good for" name="minutes" options={MINUTES} defaultValue="60" />
        <Button type="submit" variant="primary" refusal={role} busy={create.isPending}>
          Make an enrolment token
        </Button>
      </form>
      {made && (
        <SecretOnce
          title="Run this on the host, as root"
          about="The agent enrols with it, gets a credential of its own, and the token is used up."
          secret={made.command}
          onClose={() => setMade(null)}
        />
      )}
    </Section>
  );
}
