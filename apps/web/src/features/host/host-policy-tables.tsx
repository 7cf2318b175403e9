"use client";
/** How much of what a host can judge by is used: for the host's page. */
import { POLICY_TABLE_LIMITS } from "@millrace/contract/policy-table";
import { count, percent } from "@millrace/contract/units";
import { Meter } from "@/ui/meter.tsx";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";

type Limit = keyof typeof POLICY_TABLE_LIMITS;
/** Names of the agent's counters as well, as `policy.…`. */
const TABLES: Readonly<Record<Limit, { title: string; help: string }>> = {
  classes: { title: "Prefixes", help: "that policies name; with more the change is refused whole" },
  judgements: { title: "Pairs", help: "of an endpoint and a peer; when full, those in use are judged anew" },
  entries: { title: "Entries of rulesets", help: "what may pass between the pairs, equal ones once" },
};

export function HostPolicyTables({ counters }: { counters: Record<string, number> }) {
  const rows = (Object.keys(TABLES) as Limit[]).flatMap((name) => {
    const used = counters[`policy.${name}`];
    return used === undefined ? [] : [{ ...TABLES[name], used, most: POLICY_TABLE_LIMITS[name] }];
  });
  return (
    <Section title="Policy tables" note="what this host judges by, of what it can">
      <PlainTable
        label="Policy tables"
        rows={rows}
        rowKey={(row) => row.title}
        empty="The agent tells nothing of them."
        columns={[
          { title: "What", cell: ({ title, help }) => <span title={help}>{title}</span> },
          {
            title: "Fill",
            className: "w-32",
            cell: ({ title, used, most }) => (
              <span className="flex items-center gap-2 pt-0.5">
                <Meter share={used / most} label={title} className="grow" />
                <Quantity value={percent(used / most)} />
              </span>
            ),
          },
          { title: "Used", align: "right", cell: ({ used }) => <Quantity value={count(used)} /> },
          { title: "At most", align: "right", cell: ({ most }) => <Quantity value={count(most)} /> },
        ]}
      />
    </Section>
  );
}
