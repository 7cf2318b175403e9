"use client";
/** Who may talk to whom? All policies, by a text and in an order. */
import type { PolicyView } from "@millrace/contract/declared";
import { count, text } from "@millrace/contract/units";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { ColumnMenu } from "@/ui/column-menu.tsx";
import { DataTable } from "@/ui/data-table.tsx";
import { inputLook } from "@/ui/field.tsx";
import { Notice } from "@/ui/notice.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { useColumns } from "@/ui/use-columns.ts";
import { Answer } from "@/view/answer.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { useHref } from "@/view/url-state.ts";
import { NewPolicy } from "./new-policy.tsx";
import { POLICY_COLUMNS } from "./policy-columns.tsx";
import { arrangePolicies, type PolicySort, policyParams } from "./policy-order.ts";

const REFRESH_MS = 10_000;
const policyKey = (policy: PolicyView): string => String(policy.number);

export function PolicyListPage() {
  const trpc = useTRPC();
  const query = useQuery(trpc.policies.list.queryOptions(undefined, { refetchInterval: REFRESH_MS }));
  return (
    <div className="flex h-full min-h-0 flex-col">
      {!query.data && <PageHead title="Policies" />}
      <Answer query={query} skeleton={<SkeletonRows rows={12} label="Loading policies" />}>
        {(policies) => (policies.length === 0 ? <NoPolicies /> : <PolicyTable policies={policies} />)}
      </Answer>
    </div>
  );
}

function PolicyTable({ policies }: { policies: readonly PolicyView[] }) {
  const [{ sort, find, policy }, set] = useQueryStates(policyParams);
  const columns = useColumns("policies", POLICY_COLUMNS);
  const router = useRouter();
  const link = useHref();
  const shown = useMemo(() => arrangePolicies(policies, find, sort), [policies, find, sort]);
  const observing = policies.filter(({ mode }) => mode === "observe").length;
  return (
    <>
      <PageHead
        title="Policies"
        summary={
          <>
            {text(count(policies.length))}
            {observing > 0 && `, ${observing} of them observe`}
          </>
        }
        actions={
          <>
            <input
              aria-label="Find policies"
              placeholder="Name, tier, mode, author"
              className={`${inputLook} w-52!`}
              value={find}
              onChange={(event) => void set({ find: event.target.value || null })}
            />
            <ColumnMenu columns={columns} />
            <NewPolicy />
          </>
        }
      />
      <div className="min-h-0 grow border-t border-line">
        <DataTable
          label="Policies"
          columns={columns}
          rows={shown}
          rowKey={policyKey}
          sort={sort}
          onSort={(key) =>
            void set({
              sort: { key: key as PolicySort, descending: sort.key === key && !sort.descending },
            })
          }
          selected={policy}
          onSelect={(row) => void set({ policy: policyKey(row) })}
          onOpen={(row) => router.push(link(`/policies/${row.number}`))}
          empty={
            <Notice
              title={`None of ${policies.length} policies has “${find}” in its name, kind, tier, mode or author.`}
              actions={<Button onClick={() => void set({ find: null })}>Show all</Button>}
            />
          }
        />
      </div>
    </>
  );
}

function NoPolicies() {
  return (
    <>
      <PageHead title="Policies" />
      <Notice
        title="There is no policy: everybody may talk to everybody."
        actions={
          <>
            <NewPolicy />
            <Link href="/flows" className={buttonLook()}>
              Look at the flows
            </Link>
          </>
        }
      >
        A policy says who may reach the pods that it selects, or whom they may reach. Before it is applied, it
        can be tried on the flows that were recorded.
      </Notice>
    </>
  );
}
