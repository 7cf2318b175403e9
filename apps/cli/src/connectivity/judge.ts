/**
 * What became of a case: what the sockets saw and what the control plane recorded, held against what must be. Pure. A denied
 * case is only good when the right rule says that it dropped it: silence alone may be anything.
 */
import type { FlowRow } from "@millrace/contract/flow";
import { ruleText } from "@millrace/contract/rule-number";
import { POLICY_DROP, VERDICT_TITLE } from "@millrace/contract/verdict";
import type { Case, RuleName } from "./case.ts";
import type { Rule } from "./documents.ts";
import type { Answer } from "./probe.ts";

/** An attempt at a case, with where it came from as far as that is known. */
export type Tried = { case: Case; answer: Answer; source: string | undefined };
export type Rules = Readonly<Record<RuleName, Rule>>;
export type Finding = {
  ok: boolean;
  expected: string;
  seen: string;
  /** What is wrong; empty when nothing is. */
  problems: string[];
};

export function judge(tried: Tried, flow: FlowRow | undefined, rules: Rules): Finding {
  const { expects } = tried.case;
  const problems = expects.kind === "denied" ? deniedProblems(tried, flow) : carriedProblems(tried, flow);
  const rule = expects.rule && rules[expects.rule];
  if (flow && rule && !flow.rules.some((one) => isSame(one, rule)))
    problems.push(`rule ${ruleText(rule)} did not decide it`);
  return {
    ok: problems.length === 0,
    expected: expectedText(tried.case, rules),
    seen: `${answerText(tried)}; ${flowText(flow)}`,
    problems,
  };
}

/** Nothing that may still be recorded would make it better. */
export const isDecided = (tried: Tried, flow: FlowRow | undefined, rules: Rules): boolean =>
  judge(tried, flow, rules).ok || (flow !== undefined && !isAsExpected(tried));

/** By what the sockets saw alone. */
export function isAsExpected({ case: { expects }, answer }: Pick<Tried, "case" | "answer">): boolean {
  if (expects.kind === "denied") return answer.outcome === "silent";
  if (expects.by === null) return answer.outcome === "answered" || answer.outcome === "refused";
  return answer.outcome === "answered" && answer.by === expects.by;
}

function deniedProblems(tried: Tried, flow: FlowRow | undefined): string[] {
  if (!isAsExpected(tried))
    return [tried.answer.outcome === "answered" ? "it was let through" : "it was not dropped"];
  if (!flow) return ["nothing says that it was dropped: the packets may be lost"];
  return isPolicyDrop(flow) ? [] : ["it was not dropped by a policy: the packets are lost"];
}

function carriedProblems(tried: Tried, flow: FlowRow | undefined): string[] {
  const { expects, to } = tried.case;
  const problems: string[] = [];
  if (!isAsExpected(tried))
    problems.push(
      tried.answer.outcome === "answered" ? `another than ${to} answered` : "it did not get through",
    );
  if (!flow) problems.push("no flow of it is recorded");
  else if (isPolicyDrop(flow)) problems.push("a policy dropped packets of it");
  else if (expects.kind === "carried" && expects.ways && !expects.ways.includes(flow.way))
    problems.push(`it went the way “${flow.way}”`);
  return problems;
}

/** A packet of a flow that is carried may be dropped all the same, such as an answer to what was sent twice. */
const isPolicyDrop = ({ verdict, dropReason }: FlowRow): boolean =>
  verdict === "dropped" && dropReason === POLICY_DROP;
const isSame = (a: Rule, b: Rule): boolean => a.policy === b.policy && a.place === b.place;

function expectedText({ expects, to }: Case, rules: Rules): string {
  if (expects.kind === "denied") return `no answer; dropped by rule ${ruleText(rules[expects.rule])}`;
  const answer = expects.by === null ? `any answer of ${to}` : `answered by ${to}`;
  const way = expects.ways ? `, ${expects.ways.join(" or ")}` : "";
  const rule = expects.rule ? ` by rule ${ruleText(rules[expects.rule])}` : "";
  return `${answer}; forwarded${way}${rule}`;
}

function answerText({ case: { transport }, answer: { outcome, by, sent } }: Tried): string {
  const again = transport === "udp" && sent > 1 ? ` (${sent} datagrams)` : "";
  if (outcome === "answered") return `answered by ${by}${again}`;
  if (outcome === "silent") return `no answer${again}`;
  return outcome === "broken" ? `failed: ${by}` : outcome;
}

function flowText(flow: FlowRow | undefined): string {
  if (!flow) return "not recorded";
  const reason = flow.verdict === "dropped" && flow.dropReason ? ` (${flow.dropReason})` : "";
  const way = flow.way === "none" ? "" : `, ${flow.way}`;
  const tiers = flow.pathTiers ? `, ${flow.pathTiers.slow} slow ${flow.pathTiers.fast} fast` : "";
  const rule = flow.rules.length > 0 ? ` by rule ${flow.rules.map(ruleText).join(", ")}` : "";
  return `${VERDICT_TITLE[flow.verdict]}${reason}${way}${tiers}${rule}`;
}
