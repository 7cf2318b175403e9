import type { Policy } from "@millrace/contract/policy";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anAttempt, anIdentity, aPort, aProtocol, somePolicies } from "../test/arbitrary.ts";
import { effectsOf, type JudgedFlow, verdictWord, withDraft } from "./effect.ts";
import { type Attempt, judge } from "./judge.ts";
import { FORWARDED_BY_NOTHING, hasPorts, type Judgement } from "./judgement.ts";
import { readNetworkPolicy } from "./kubernetes.ts";

/** Between three pods and the outside; a number stands for one set of labels, as everywhere. */
const somePods = fc
  .tuple(anIdentity, anIdentity, anIdentity)
  .map((pods) => pods.map((pod, at) => ({ ...pod, identity: 300 + at })));
const someAttempts = somePods.chain((pods) =>
  fc.array(
    fc.tuple(anAttempt, fc.constantFrom(...pods), fc.constantFrom(null, ...pods), aProtocol, aPort).map(
      ([{ direction, peer }, subject, identity, protocol, port]): Attempt => ({
        ...{ subject, direction, peer: { ...peer, identity }, protocol },
        port: hasPorts(protocol) ? port : null,
      }),
    ),
    { maxLength: 40 },
  ),
);

/** With one attempt or two. */
const someFlows = someAttempts.map((attempts) =>
  Array.from({ length: attempts.length >> 1 }, (_, at) => attempts.slice(2 * at, 2 * at + 1 + (at % 2))),
);

/** As the kernel at each end would, one after the other. */
function judgedAtBothEnds(policies: readonly Policy[], flow: JudgedFlow): Judgement {
  const said = flow.map((attempt) => judge(policies, attempt));
  return (
    said.find(({ verdict }) => verdict === "drop") ??
    said.find(({ wouldDrop }) => wouldDrop) ??
    said.find(({ rule }) => rule > 0) ??
    FORWARDED_BY_NOTHING
  );
}

test("the effects are exactly the flows that the two sets of policies judge otherwise", () => {
  fc.assert(
    fc.property(somePolicies, somePolicies, someFlows, (before, after, flows) => {
      const meant = flows
        .map((flow, at) => ({
          at,
          before: judgedAtBothEnds(before, flow),
          after: judgedAtBothEnds(after, flow),
        }))
        .filter((effect) => verdictWord(effect.before) !== verdictWord(effect.after));
      expect([...effectsOf(before, after, flows)]).toEqual(meant);
      expect([...effectsOf(after, after, flows)]).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

const draft = (spec: unknown, name = "p") => {
  const document = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: "shop" },
    spec,
  };
  const reading = readNetworkPolicy(document);
  if (!reading.ok) throw new Error(JSON.stringify(reading));
  return reading.value;
};

test("a draft takes the place of the policy with its number, or comes last", () => {
  const before = [{ ...draft({}), number: 3, revision: 8 }];
  expect(withDraft(before, draft({ ingress: [{}] }), 3)).toMatchObject([
    { number: 3, revision: 8, rules: [{ place: 1 }] },
  ]);
  expect(withDraft(before, draft({}, "q")).map(({ name, number }) => [name, number])).toEqual([
    ["p", 3],
    ["q", 0xff_ffff],
  ]);
  expect(withDraft([], draft({}))).toMatchObject([{ revision: 1 }]);
});

test("what a draft would break is told flow by flow", () => {
  const subject = { identity: 300, namespace: "shop", labels: {}, namespaceLabels: {}, ports: {} };
  const peer = { identity: null, isHost: false, address: "192.0.2.1" };
  const flows = [80, 443].map((port): Attempt[] => [
    { subject, direction: "ingress", peer, protocol: 6, port },
  ]);
  const wanted = withDraft([], draft({ ingress: [{ ports: [{ port: 443 }] }] }));
  expect([...effectsOf([], wanted, flows)]).toMatchObject([
    { at: 0, before: { verdict: "forward", rule: 0 }, after: { verdict: "drop", rule: 0xff_ffff * 256 } },
  ]);
});
