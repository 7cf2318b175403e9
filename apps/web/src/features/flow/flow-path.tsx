"use client";
/** What Millrace made of a flow that it carries: where it went, by which path tiers, and whose rule decided. For the drawer. */
import type { FlowDetail, FlowRow, FlowRule } from "@millrace/contract/flow";
import { ruleText } from "@millrace/contract/rule-number";
import { count, percent, text } from "@millrace/contract/units";
import { pathTierOf, type TierCounts, type Verdict, type Way } from "@millrace/contract/verdict";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { ReactNode } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { TermValue } from "@/view/term-value.tsx";
import { TierMark } from "@/view/tier-mark.tsx";

const WAY: Record<Way, string> = {
  none: "nowhere: it was dropped, or its way isn't known yet",
  local: "into a pod of the same host",
  direct: "to the other host, as it is",
  overlay: "to the other host, in an outer header",
  host: "to the host's own stack",
  masquerade: "to the outside, under the host's own address",
};
const RULE: Record<Verdict, string> = {
  forwarded: "Allowed by",
  dropped: "Judged by",
  "would-drop": "Would be dropped by",
  unknown: "Judged by",
};

export function FlowPath({ detail }: { detail: FlowDetail }) {
  const { row, observers } = detail;
  if (!row.pathTiers) return null;
  return (
    <Section title="Carried by Millrace">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 py-1">
        <Fact title="Way">
          <TermValue field="way" value={row.way} className="figure" />
          <span className="block text-text-3">{WAY[row.way]}</span>
        </Fact>
        <Fact title="Path tiers">
          <Tiers of={row.pathTiers} />
        </Fact>
        <Fact title={RULE[row.verdict]}>
          <Rules rules={row.rules} />
        </Fact>
      </dl>
      {observers.length > 1 && observers.map((one) => <AtEnd key={one.id} row={one} />)}
    </Section>
  );
}

function Fact({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="contents">
      <dt className="text-text-3">{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Tiers({ of }: { of: TierCounts }) {
  const all = of.slow + of.fast;
  return (
    <>
      <TierMark of={of} />
      {all > 0 && <span className="text-text-2"> {text(percent(of[pathTierOf(of)] / all))}</span>}
      <span className="block text-text-3">
        <Quantity value={count(of.fast)} /> packets on the fast path, <Quantity value={count(of.slow)} /> on
        the slow
      </span>
    </>
  );
}

function Rules({ rules }: { rules: readonly FlowRule[] }) {
  if (rules.length === 0) return <span className="text-text-2">no policy has a say in it</span>;
  return rules.map((rule) => (
    <span key={ruleText(rule)} className="block">
      <TermValue field="rule" value={ruleText(rule)} className="figure" />
      <span className="block text-text-3">
        {rule.place === 0 ? "no rule" : `rule ${rule.place}`} of <PolicyName of={rule} />
        {rule.place === 0 && " allows it"}, revision {rule.revision}
      </span>
    </span>
  ));
}

/** By its number until the name is known. One that is deleted has no page. */
function PolicyName({ of: { policy: number } }: { of: FlowRule }) {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.policies.named.queryOptions({ numbers: [number] }, { staleTime: 60_000 }));
  const named = data?.find((one) => one.number === number);
  if (!named) return `policy ${number}`;
  const name = `${named.namespace}/${named.name}`;
  if (named.isDeleted) return `${name} (deleted)`;
  return (
    <Link href={`/policies/${number}`} className="figure text-accent hover:underline">
      {name}
    </Link>
  );
}

/** Each end decides for itself. */
function AtEnd({ row }: { row: FlowRow }) {
  const [at] = row.observers;
  if (!at || !row.pathTiers) return null;
  const rule = row.rules[0];
  return (
    <p className="flex justify-between gap-3 border-t border-line py-1 text-text-3">
      <span>
        at the {at.side}, <span className="figure">{at.host}</span>
      </span>
      <span>
        {row.way}, fast <Quantity value={count(row.pathTiers.fast)} /> slow{" "}
        <Quantity value={count(row.pathTiers.slow)} />
        {rule && <span className="figure">, rule {ruleText(rule)}</span>}
      </span>
    </p>
  );
}
