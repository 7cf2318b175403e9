"use client";
/** A policy's rules in plain words, each with the way to the flows that it decided; the last is what no rule mentions. */
import type { Policy, PolicyRule } from "@millrace/contract/policy";
import { ruleText } from "@millrace/contract/rule-number";
import Link from "next/link";
import { classNames } from "@/ui/class-names.ts";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Section } from "@/ui/section.tsx";
import { useHref } from "@/view/url-state.ts";
import { isolationText, ruleWords } from "./policy-words.ts";

export function PolicyRules({ policy }: { policy: Policy }) {
  return (
    <Section title="Rules" note="one that fits is enough; where one denies, it goes before those that allow">
      <PlainTable
        label="Rules"
        rows={policy.rules}
        rowKey={({ place }) => String(place)}
        empty="It has no rule."
        columns={[
          { title: "Place", cell: ({ place }) => <span className="figure">{place}</span> },
          { title: "Says", cell: (rule) => <RuleWords rule={rule} namespace={policy.namespace} /> },
          { title: "Over", cell: (rule) => <Either of={ruleWords(rule, policy.namespace).ports} /> },
          {
            title: "Flows",
            align: "right",
            cell: ({ place }) => <RuleFlows policy={policy} place={place} />,
          },
        ]}
      />
      <p className="flex flex-wrap items-baseline justify-between gap-2 py-2">
        <span>{isolationText(policy)}</span>
        {policy.isolates.length > 0 && <RuleFlows policy={policy} place={0} />}
      </p>
    </Section>
  );
}

function RuleWords({ rule, namespace }: { rule: PolicyRule; namespace: string }) {
  const { head, peers } = ruleWords(rule, namespace);
  return (
    <>
      <span className={classNames(rule.action === "deny" ? "text-dropped" : "text-text-2")}>
        {rule.action === "deny" && <span aria-hidden>✕ </span>}
        {head}
      </span>
      <Either of={peers} />
    </>
  );
}

function Either({ of }: { of: readonly string[] }) {
  return (
    <ul>
      {of.map((one) => (
        <li key={one} className="figure">
          {one}
        </li>
      ))}
    </ul>
  );
}

function RuleFlows({ policy, place }: { policy: Policy; place: number }) {
  const link = useHref();
  const rule = ruleText({ policy: policy.number, place });
  return (
    <Link
      href={link("/flows", { q: `rule=${rule}` })}
      className="figure whitespace-nowrap text-accent hover:underline"
    >
      {rule}
    </Link>
  );
}
