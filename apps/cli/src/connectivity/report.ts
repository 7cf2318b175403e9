/** A run as people and programs read it. Pure. */
import { ruleText } from "@millrace/contract/rule-number";
import { plain } from "../terminal.ts";
import { isAsExpected, judge } from "./judge.ts";
import type { Outcome } from "./run.ts";

export type CaseReport = {
  group: string;
  from: string;
  to: string;
  family: 4 | 6;
  transport: "tcp" | "udp";
  address: string;
  port: number;
  sourcePort: number;
  size: string;
  ok: boolean;
  expected: string;
  seen: string;
  problems: string[];
  /** How to look further; null when nothing is wrong. */
  look: string | null;
  /** The flow that was recorded of it. */
  flow: string | null;
};
export type Report = {
  hosts: string[];
  cases: CaseReport[];
  failed: number;
  /** What this run could not say anything about, and why. */
  notTested: string[];
};

/** `nameOf`: of a policy by its number, as people call it. */
export function reportOf(
  { tried, flows, rules }: Outcome,
  about: { hosts: string[]; notTested: string[]; nameOf: (policy: number) => string | undefined },
): Report {
  const cases = tried.map((one, i): CaseReport => {
    const flow = flows[i];
    const { ok, expected, seen, problems } = judge(one, flow, rules);
    const { expects: _, bytes: __, ...what } = one.case;
    const deciders = ok ? [] : (flow?.rules ?? []);
    return {
      ...{ ...what, sourcePort: one.answer.sourcePort, ok, expected, seen },
      problems: [
        ...problems,
        ...deciders.flatMap((rule) => {
          const name = about.nameOf(rule.policy);
          return name ? [`rule ${ruleText(rule)} is of ${name}`] : [];
        }),
      ],
      look: ok ? null : lookAt(one, flow !== undefined),
      flow: flow?.id ?? null,
    };
  });
  const { hosts, notTested } = about;
  return { hosts, cases, failed: cases.filter(({ ok }) => !ok).length, notTested };
}

function lookAt(tried: Outcome["tried"][number], isRecorded: boolean): string {
  const { case: one, source, answer } = tried;
  if (isRecorded) {
    const from = source ? ` --from-ip ${source}` : "";
    return `millrace observe --since 15m${from} --from-port ${answer.sourcePort} --to-port ${one.port}`;
  }
  if (isAsExpected(tried) && one.expects.kind === "carried") return "millrace status: do the hosts report?";
  return `millrace trace run drops --port ${one.port}, while this test runs again`;
}

const TITLES = { tcp: "TCP", udp: "UDP" } as const;
const nameOfCase = ({ from, to, family, transport, size }: CaseReport): string =>
  `${from} -> ${to}  IPv${family} ${TITLES[transport]}${size ? `, ${size}` : ""}`;

export function reportText({ hosts, cases, failed, notTested }: Report): string {
  const width = Math.max(0, ...cases.map((one) => nameOfCase(one).length));
  const groups = [...new Set(cases.map(({ group }) => group))];
  const lines = [
    `hosts: ${hosts.join(", ")}`,
    ...groups.flatMap((group) => [
      "",
      group,
      ...cases.filter((one) => one.group === group).flatMap((one) => linesOf(one, width)),
    ]),
    "",
    ...notTested.map((what) => `not tested: ${what}`),
    `${cases.length} cases: ${cases.length - failed} ok, ${failed} FAIL`,
  ];
  return `${lines.map(plain).join("\n")}\n`;
}

function linesOf(one: CaseReport, width: number): string[] {
  const name = nameOfCase(one).padEnd(width);
  if (one.ok) return [`  ok    ${name}  ${one.seen}`];
  return [
    `  FAIL  ${name}  ${one.problems.join("; ")}`,
    `        expected: ${one.expected}`,
    `        seen:     ${one.seen}`,
    `        look:     ${one.look}`,
  ];
}
