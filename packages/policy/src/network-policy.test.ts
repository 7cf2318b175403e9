// Every case of testdata/, by the plain reference and by what the kernel is given.
import type { Policy, PolicyDirection } from "@millrace/contract/policy";
import type { Family } from "@millrace/contract/prefix";
import { describe, expect, test } from "vitest";
import {
  addressesOf,
  type CaseAttempt,
  casesIn,
  identitiesOf,
  type PolicyCase,
  world,
} from "../test/cases.ts";
import { PolicySet } from "./compile.ts";
import { readDocument } from "./document.ts";
import { type Attempt, judge } from "./judge.ts";
import type { Judgement } from "./judgement.ts";
import { longestMatch } from "./ruleset.ts";

const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;
const numberOf = (protocol: CaseAttempt["protocol"], family: Family) =>
  protocol === "icmp" ? { 4: 1, 6: 58 }[family] : NUMBERS[protocol];

const addresses = addressesOf(world());
const identities = identitiesOf(world());

function policiesOf(documents: unknown[]): Policy[] {
  return documents.map((document, at) => {
    const reading = readDocument(document);
    if (!reading.ok || reading.value.kind !== "policy") throw new Error(JSON.stringify(reading));
    return { ...reading.value.policy, number: at + 1, revision: 1 };
  });
}

/** A connection is what both ends' judgements make of it: an end that is no pod has none, and what a pod sends itself is never seen. */
function outcomeOf(attempt: CaseAttempt, family: Family, judged: (attempt: Attempt) => Judgement) {
  const { from, to, protocol, port } = attempt;
  if (from === to) return "connects";
  const side = (subjectName: string, peerName: string, direction: PolicyDirection): Judgement[] => {
    const subject = identities.get(subjectName);
    const peer = {
      identity: identities.get(peerName) ?? null,
      isHost: peerName === "host",
      address: addresses[peerName]?.[`ip${family}`] ?? (family === 4 ? "172.31.0.1" : "fd01::1"),
    };
    return subject ? [judged({ subject, direction, peer, protocol: numberOf(protocol, family), port })] : [];
  };
  const sides = [...side(from, to, "egress"), ...side(to, from, "ingress")];
  if (sides.some(({ verdict }) => verdict === "drop")) return "blocked";
  return sides.some(({ wouldDrop }) => wouldDrop) ? "would-block" : "connects";
}

function outcomes(one: PolicyCase, judged: (policies: readonly Policy[]) => (attempt: Attempt) => Judgement) {
  const judgedHere = judged(policiesOf(one.documents(addresses)));
  return one.attempts.flatMap((attempt) =>
    attempt.families.map((family) => ({
      ...attempt,
      family,
      outcome: outcomeOf(attempt, family, judgedHere),
    })),
  );
}

const compiled = (policies: readonly Policy[]) => {
  const set = new PolicySet(policies);
  return ({ subject, direction, peer, protocol, port }: Attempt): Judgement => {
    const sight = { ...peer, cidrClass: set.classOf(peer.address) };
    return longestMatch(set.ruleset(subject, direction, sight), protocol, port);
  };
};

const expected = ({ attempts }: PolicyCase) =>
  attempts.flatMap((attempt) => attempt.families.map((family) => ({ ...attempt, family })));

describe.each(["network-policy", "native"] as const)("%s:", (folder) => {
  describe.each(casesIn(folder).map((one) => [`${one.file}: ${one.name}`, one] as const))("%s", (_, one) => {
    test("as judged", () =>
      expect(outcomes(one, (policies) => (attempt) => judge(policies, attempt))).toEqual(expected(one)));
    test("as compiled", () => expect(outcomes(one, compiled)).toEqual(expected(one)));
  });
});

test("the table of NetworkPolicy cases covers each name once, and is as long as it is meant to be", () => {
  const cases = casesIn("network-policy");
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  expect(cases.length).toBeGreaterThanOrEqual(110);
});
