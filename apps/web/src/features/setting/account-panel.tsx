"use client";
/** Who one is here, one's password, one's personal API tokens. */
import { isAtLeast, ROLES, type Role } from "@millrace/contract/role";
import type { TokenView } from "@millrace/contract/setting";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import dynamic from "next/dynamic";
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
import { useMe } from "@/view/session.ts";
import { PasswordForm } from "./password-form.tsx";

const SecretOnce = dynamic(() => import("./secret-once.tsx").then((m) => m.SecretOnce), { ssr: false });
const DAYS = [7, 30, 90, 366];

export function AccountPanel() {
  const me = useMe();
  const trpc = useTRPC();
  const tokens = useQuery(trpc.tokens.list.queryOptions());
  return (
    <div className="flex flex-col gap-8">
      <p>
        {me?.name} · <span className="figure">{me?.email}</span> · role <b>{me?.role}</b>
      </p>
      <Section
        title="API tokens"
        note="for the CLI and for programs; each acts as you, with at most your role"
      >
        <TokenForm role={me?.role ?? "viewer"} />
        <Answer query={tokens} skeleton={<SkeletonRows rows={3} label="Loading tokens" />}>
          {(list) => <TokenTable tokens={list} />}
        </Answer>
      </Section>
      <PasswordForm />
    </div>
  );
}

function TokenForm({ role }: { role: Role }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const [secret, setSecret] = useState<string | null>(null);
  const create = useMutation(
    trpc.tokens.create.mutationOptions({
      onSuccess: ({ token }) => {
        setSecret(token);
        void client.invalidateQueries(trpc.tokens.pathFilter());
      },
      onError: (error) =>
        showToast({ tone: "failed", text: "No token was made", detail: problemOf(error).title }),
    }),
  );
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    create.mutate(
      {
        name: String(form.get("name")),
        role: String(form.get("role")) as Role,
        expiresInDays: Number(form.get("days")),
      },
      { onSuccess: () => element.reset() },
    );
  };
  const roles = ROLES.filter((one) => isAtLeast(role, one)).map((one) => ({ value: one, title: one }));
  return (
    <form onSubmit={onSubmit} className="flex flex-wrap items-end gap-3 py-3">
      <TextField label="Name" name="name" required maxLength={80} placeholder="laptop CLI" />
      <SelectField label="Role" name="role" options={roles} defaultValue="viewer" />
      <SelectField
        label="Good for"
        name="days"
        options={DAYS.map((days) => ({ value: String(days), title: `${days} days` }))}
        defaultValue="30"
      />
      <Button type="submit" variant="primary" busy={create.isPending}>
        Make a token
      </Button>
      {secret && (
        <SecretOnce
          title="Your new token"
          about="Give it to the CLI as MILLRACE_TOKEN, or send it as “Authorization: Bearer …”."
          secret={secret}
          onClose={() => setSecret(null)}
        />
      )}
    </form>
  );
}

function TokenTable({ tokens }: { tokens: readonly TokenView[] }) {
  const now = useNow(60_000);
  const [revoking, setRevoking] = useState<TokenView | null>(null);
  const trpc = useTRPC();
  const client = useQueryClient();
  const revoke = useMutation(
    trpc.tokens.revoke.mutationOptions({
      onSuccess: () => {
        setRevoking(null);
        showToast({ tone: "done", text: "Token revoked" });
        void client.invalidateQueries(trpc.tokens.pathFilter());
      },
      onError: (error) => showToast({ tone: "failed", text: "Not revoked", detail: problemOf(error).title }),
    }),
  );
  return (
    <>
      <PlainTable
        label="Tokens"
        rows={tokens}
        rowKey={(token) => token.id}
        empty="No token yet."
        columns={[
          { title: "Name", cell: (token) => token.name },
          { title: "Owner", cell: (token) => token.owner },
          { title: "Role", cell: (token) => token.role },
          { title: "Made", cell: (token) => <TimeText at={token.createdAtMs} as="day" /> },
          {
            title: "Ends",
            cell: (token) =>
              token.expiresAtMs < now ? (
                <span className="text-warn">has ended</span>
              ) : (
                <TimeText at={token.expiresAtMs} as="day" />
              ),
          },
          { title: "Last used", cell: (token) => <TimeText at={token.lastUsedMs} as="age" now={now} /> },
          {
            title: "Actions",
            hideTitle: true,
            align: "right",
            cell: (token) => (
              <Button size="sm" onClick={() => setRevoking(token)}>
                Revoke
              </Button>
            ),
          },
        ]}
      />
      <Confirm
        open={revoking !== null}
        onOpenChange={() => setRevoking(null)}
        title={`Revoke “${revoking?.name}”?`}
        action="Revoke the token"
        busy={revoke.isPending}
        onConfirm={() => revoking && revoke.mutate({ id: revoking.id })}
      >
        Whatever uses it is refused from now on.
      </Confirm>
    </>
  );
}
