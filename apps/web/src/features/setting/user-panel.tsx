"use client";
/** Who may sign in, and as what. */
import { ROLES, type Role } from "@millrace/contract/role";
import type { UserView } from "@millrace/contract/setting";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Confirm } from "@/ui/confirm.tsx";
import { inputLook, SelectField, TextField } from "@/ui/field.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { showToast } from "@/ui/toast.tsx";
import { Answer } from "@/view/answer.tsx";
import { useNow } from "@/view/clock.tsx";
import { problemOf } from "@/view/problem.ts";
import { useMe } from "@/view/session.ts";

const ROLE_MAY: Record<Role, string> = {
  viewer: "sees everything but the audit",
  "on-call": "also runs and stops traces",
  operator: "also sees agents and the audit",
  admin: "also changes users, agents, pools and retention",
};
const roleOptions = ROLES.map((role) => ({ value: role, title: role }));
const failed = (text: string) => (error: unknown) =>
  void showToast({ tone: "failed", text, detail: problemOf(error).title });

export function UserPanel() {
  const trpc = useTRPC();
  const users = useQuery(trpc.users.list.queryOptions());
  return (
    <div className="flex flex-col gap-8">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-xs">
        {ROLES.map((role) => (
          <div key={role} className="contents">
            <dt className="font-medium">{role}</dt>
            <dd className="text-text-2">{ROLE_MAY[role]}</dd>
          </div>
        ))}
      </dl>
      <Section title="Users">
        <Answer query={users} skeleton={<SkeletonRows rows={4} label="Loading users" />}>
          {(list) => <UserTable users={list} />}
        </Answer>
      </Section>
      <UserForm />
    </div>
  );
}

function UserTable({ users }: { users: readonly UserView[] }) {
  const me = useMe();
  const now = useNow(60_000);
  const trpc = useTRPC();
  const client = useQueryClient();
  const [removing, setRemoving] = useState<UserView | null>(null);
  const reload = () => void client.invalidateQueries(trpc.users.pathFilter());
  const setRole = useMutation(
    trpc.users.setRole.mutationOptions({
      onSuccess: (user) => {
        showToast({ tone: "done", text: `${user.email} is now ${user.role}` });
        reload();
      },
      onError: failed("The role was not changed"),
    }),
  );
  const remove = useMutation(
    trpc.users.remove.mutationOptions({
      onSuccess: () => {
        setRemoving(null);
        showToast({ tone: "done", text: "User removed" });
        reload();
      },
      onError: failed("Not removed"),
    }),
  );
  return (
    <>
      <PlainTable
        label="Users"
        rows={users}
        rowKey={(user) => user.id}
        empty="No users."
        columns={[
          { title: "Name", cell: (user) => user.name },
          { title: "E-mail", cell: (user) => <span className="figure">{user.email}</span> },
          {
            title: "Role",
            cell: (user) => (
              <select
                aria-label={`Role of ${user.email}`}
                className={`${inputLook} h-7! w-28! text-xs!`}
                value={user.role}
                disabled={user.id === me?.id}
                title={user.id === me?.id ? "Nobody changes their own role" : undefined}
                onChange={(event) => setRole.mutate({ id: user.id, role: event.target.value as Role })}
              >
                {ROLES.map((role) => (
                  <option key={role}>{role}</option>
                ))}
              </select>
            ),
          },
          { title: "Made", cell: (user) => <TimeText at={user.createdAtMs} as="day" /> },
          { title: "Last seen", cell: (user) => <TimeText at={user.lastSeenMs} as="age" now={now} /> },
          {
            title: "Actions",
            hideTitle: true,
            align: "right",
            cell: (user) => (
              <Button
                size="sm"
                refusal={user.id === me?.id ? "Nobody removes themselves" : null}
                onClick={() => setRemoving(user)}
              >
                Remove
              </Button>
            ),
          },
        ]}
      />
      <Confirm
        open={removing !== null}
        onOpenChange={() => setRemoving(null)}
        title={`Remove ${removing?.email}?`}
        action="Remove the user"
        busy={remove.isPending}
        onConfirm={() => removing && remove.mutate({ id: removing.id })}
      >
        Their sessions and tokens end now. What they did stays in the audit.
      </Confirm>
    </>
  );
}

function UserForm() {
  const trpc = useTRPC();
  const client = useQueryClient();
  const create = useMutation(
    trpc.users.create.mutationOptions({
      onSuccess: (user) => {
        showToast({ tone: "done", text: `${user.email} can sign in as ${user.role}` });
        void client.invalidateQueries(trpc.users.pathFilter());
      },
      onError: failed("No user was made"),
    }),
  );
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    create.mutate(
      {
        email: String(form.get("email")),
        name: String(form.get("name")),
        password: String(form.get("password")),
        role: String(form.get("role")) as Role,
      },
      { onSuccess: () => element.reset() },
    );
  };
  return (
    <Section title="Add a user">
      <form onSubmit={onSubmit} className="grid items-start gap-3 py-3 sm:grid-cols-[1fr_1fr_1fr_120px_auto]">
        <TextField label="E-mail" name="email" type="email" required autoComplete="off" />
        <TextField label="Name" name="name" required maxLength={120} autoComplete="off" />
        <TextField
          label="First password"
          name="password"
          type="password"
          required
          minLength={12}
          hint="At least 12 characters"
          autoComplete="new-password"
        />
        <SelectField label="Role" name="role" options={roleOptions} defaultValue="viewer" />
        <Button type="submit" variant="primary" busy={create.isPending} className="sm:mt-5">
          Add
        </Button>
      </form>
    </Section>
  );
}
