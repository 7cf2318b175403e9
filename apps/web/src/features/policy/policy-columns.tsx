/** The columns of the table of policies. */
import type { PolicyView } from "@millrace/contract/declared";
import { count } from "@millrace/contract/units";
import Link from "next/link";
import { Quantity } from "@/ui/quantity.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { DECLARED_COLUMNS } from "@/view/declared-columns.tsx";
import { PolicyMode } from "./policy-mode.tsx";
import { policyName } from "./policy-words.ts";

export const POLICY_COLUMNS: readonly TableColumn<PolicyView>[] = [
  {
    id: "name",
    title: "Policy",
    sort: "name",
    width: 200,
    grow: 3,
    cell: (policy) => (
      <Link href={`/policies/${policy.number}`} className="figure truncate text-accent hover:underline">
        {policyName(policy)}
      </Link>
    ),
  },
  {
    id: "tier",
    title: "Policy tier",
    help: "Policies of the platform are asked before those of tenants",
    sort: "tier",
    width: 100,
    cell: ({ tier }) => tier,
  },
  {
    id: "mode",
    title: "Mode",
    sort: "mode",
    width: 100,
    cell: ({ mode }) => <PolicyMode mode={mode} />,
  },
  {
    id: "isolates",
    title: "Isolates",
    help: "Directions in which its endpoints may do nothing but what a rule allows",
    width: 120,
    cell: ({ isolates }) =>
      isolates.length > 0 ? isolates.join(", ") : <span className="text-text-3">nothing</span>,
  },
  {
    id: "selected",
    title: "Endpoints",
    help: "That it selects now",
    sort: "selected",
    width: 90,
    align: "right",
    cell: ({ selected }) => <Quantity value={selected === null ? null : count(selected)} />,
  },
  {
    id: "rules",
    title: "Rules",
    sort: "rules",
    width: 70,
    align: "right",
    cell: ({ rules }) => <Quantity value={count(rules)} />,
  },
  {
    id: "revision",
    title: "Revision",
    sort: "revision",
    width: 84,
    align: "right",
    cell: ({ revision }) => <span className="figure">{revision}</span>,
  },
  ...DECLARED_COLUMNS,
  {
    id: "number",
    title: "Number",
    help: "That flows bear",
    width: 80,
    align: "right",
    hidden: true,
    cell: ({ number }) => <span className="figure">{number}</span>,
  },
  { id: "kind", title: "Kind", width: 120, hidden: true, cell: ({ kind }) => kind },
];
