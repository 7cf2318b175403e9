/*
 * The kernel's judgement is what policies mean: random policies are compiled as the agent does, written into the kernel,
 * and random packets run through its programs; each must be judged as packages/policy/src/judge.ts says. A failure is
 * repeated with MILLRACE_SEED.
 */
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { FlowDirection, type FlowPath, PathKind, Verdict } from "@millrace/abi/generated/flow";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import { PolicySet } from "@millrace/policy/compile";
import { judge } from "@millrace/policy/judge";
import { hasPorts, type Judgement } from "@millrace/policy/judgement";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestHost, type TestPod, TUNNEL_PORT } from "../../../../packages/bpf/tests/forwarder.ts";
import { packet } from "../../../../packages/bpf/tests/packet-builder.ts";
import {
  anAttempt,
  anIdentity,
  aPort,
  aProtocol,
  somePolicies,
} from "../../../../packages/policy/test/arbitrary.ts";
import type { Pair } from "../dataplane/dataplane.ts";
import { replacePolicy } from "../dataplane/policy-maps.ts";
import { PairJudge, RulesetNumbers } from "./pair-judge.ts";
import { policyTables } from "./plan.ts";

const SEED = Number(process.env.MILLRACE_SEED ?? Date.now() % 2 ** 31);
const PACKETS = process.env.MILLRACE_SOAK === "1" ? 200_000 : 6000;
const PEERS = 8;
const PROBES = 16;
const CHUNK = 100;
const POD4 = "10.201.1.7";
const POD6 = "fd00:201:1::7";
const SUBJECT_PORT = 40_000;
const [HOST, WORLD, FIRST_PEER] = [1, 2, 1000];

type Peer = { number: number; facts: PolicyIdentity | null; isHost: boolean; address: string };
type Opened = "by the pod" | "by the peer" | "nobody knows";
type Probe = { peer: Peer; protocol: number; port: number; opened: Opened };

let host: TestHost;
let pod: TestPod;
beforeAll(() => {
  host = new TestHost(1);
  pod = host.addLoopbackPod(POD4, POD6);
});
afterAll(() => host[Symbol.dispose]());

const aCase = fc.record({
  policies: somePolicies,
  subject: anIdentity,
  attempts: fc.uniqueArray(anAttempt, {
    ...{ minLength: PEERS, maxLength: PEERS },
    selector: ({ peer }) => peer.address,
    comparator: (a, b) => a === b,
  }),
  probes: fc.array(
    fc.record({
      ...{ peer: fc.nat(PEERS - 1), protocol: aProtocol, port: aPort },
      opened: fc.constantFrom<Opened>(
        "by the pod",
        "by the pod",
        "by the peer",
        "by the peer",
        "nobody knows",
      ),
    }),
    { minLength: PROBES, maxLength: PROBES },
  ),
});

/** Nobody by labels is the host or the world to the kernel; everybody else has a number. An address is one peer's. */
function peersOf(
  attempts: readonly { peer: { identity: PolicyIdentity | null; isHost: boolean; address: string } }[],
) {
  const having = new Map<string, Peer>();
  return attempts.map(({ peer: { identity, isHost, address } }, at): Peer => {
    const facts = isHost ? null : identity;
    const nobody = isHost ? HOST : WORLD;
    const peer = having.get(address) ?? { number: facts ? FIRST_PEER + at : nobody, facts, isHost, address };
    having.set(address, peer);
    return peer;
  });
}

/** As the agent has them: none is given to another ruleset while it stands in the kernel. */
const numbers = new RulesetNumbers();

function enforce(policies: readonly Policy[], subject: PolicyIdentity, peers: readonly Peer[]): void {
  const set = new PolicySet(policies);
  const known = new Map(peers.map(({ number, facts }) => [number, facts]));
  const subjects = [{ endpointId: pod.endpointId, facts: subject }];
  const pairJudge = new PairJudge(set, subjects, (identity) => known.get(identity), numbers);
  const pairs = peers.flatMap(({ number, address }) =>
    [FlowDirection.EGRESS, FlowDirection.INGRESS].map(
      (direction): Pair => ({
        ...{ endpointId: pod.endpointId, peerIdentity: number, direction },
        cidrClass: set.classOf(address),
      }),
    ),
  );
  // Nobody of the set before is known any more: the table is for one host's peers, not for all there ever were.
  const routes = host.map("routes");
  for (let key = routes.nextKey(); key; key = routes.nextKey()) routes.delete(key);
  for (const { address, number } of peers)
    host.route(address, 128, { kind: PathKind.HOST, identity: number });
  const tables = policyTables(set, pairJudge, pairs);
  replacePolicy((name) => host.map(name), tables);
  numbers.keep(new Set(tables.rulesets.map(({ number }) => number)));
}

function bytesOf({ peer, protocol, port, opened }: Probe): Uint8Array {
  const isIn = opened === "by the peer";
  const v6 = peer.address.includes(":");
  const [from, to] = isIn ? [peer.address, v6 ? POD6 : POD4] : [v6 ? POD6 : POD4, peer.address];
  const ip = v6
    ? packet().ethernet().ip6(from, to, { next: protocol })
    : packet().ethernet().ip4(from, to, { proto: protocol });
  if (protocol === 6)
    return ip.tcp(SUBJECT_PORT, port, opened === "nobody knows" ? { ack: true } : { syn: true }).bytes();
  if (protocol === 17) return ip.udp(SUBJECT_PORT, port).bytes();
  if (protocol === 132) return ip.sctp(SUBJECT_PORT, port).bytes();
  if (protocol === 1) return ip.icmp(8, 0, 7).bytes();
  return protocol === 58 ? ip.icmp6(128, 0, 7).bytes() : ip.payload(40).bytes();
}

/** As the program left it on the packet's flow, of which there is only one. */
function judged(probe: Probe): FlowPath | undefined {
  const flows = host.map("flows");
  for (let key = flows.nextKey(); key; key = flows.nextKey()) flows.delete(key);
  host.run(probe.opened === "by the peer" ? "pod_ingress" : "pod_egress", bytesOf(probe));
  return host.flows()[0]?.record.path;
}

function meant(policies: readonly Policy[], subject: PolicyIdentity, probe: Probe): Judgement {
  const { peer, protocol, port, opened } = probe;
  const as = (direction: "egress" | "ingress", to: number) =>
    judge(policies, {
      ...{ subject, direction, protocol, port: hasPorts(protocol) ? to : null },
      peer: { identity: peer.facts, isHost: peer.isHost, address: peer.address },
    });
  if (opened === "by the peer") return as("ingress", port);
  const egress = as("egress", port);
  // Without a first segment only TCP leaves it open who began.
  if (opened === "by the pod" || protocol !== 6 || egress.verdict === "forward") return egress;
  const ingress = as("ingress", SUBJECT_PORT);
  return ingress.verdict === "forward" ? ingress : egress;
}

const verdictOf = ({ verdict, wouldDrop }: Judgement): Verdict => {
  if (verdict === "drop") return Verdict.DROP;
  return wouldDrop ? Verdict.WOULD_DROP : Verdict.FORWARD;
};

/** A hundred at a time, and a turn of the event loop between, or what the addon handed out piles up to gigabytes. */
async function* someCases() {
  const count = Math.ceil(PACKETS / PROBES);
  for (let made = 0; made < count; made += CHUNK) {
    yield* fc.sample(aCase, { seed: SEED + made, numRuns: Math.min(CHUNK, count - made) });
    await setImmediate();
  }
}

test(`for any policies the kernel judges any packet as they mean (seed ${SEED}, ${PACKETS} packets)`, {
  timeout: 3_600_000,
}, async () => {
  console.info(`seed ${SEED}`);
  const met = new Map<Verdict, number>();
  for await (const { policies, subject, attempts, probes } of someCases()) {
    const peers = peersOf(attempts);
    enforce(policies, subject, peers);
    for (const { peer: at, ...rest } of probes) {
      const probe = { ...rest, peer: peers[at] as Peer };
      if (probe.protocol === 17 && probe.port === TUNNEL_PORT) continue; // it is no flow of the pod's
      const path = judged(probe);
      const expected = meant(policies, subject, probe);
      const seen = { verdict: path?.verdict, rule: path?.rule, revision: path?.revision };
      const { rule, revision } = expected;
      const should = { verdict: verdictOf(expected), rule, revision };
      if (!isDeepStrictEqual(seen, should))
        expect(seen, JSON.stringify({ policies, subject, probe })).toEqual(should);
      met.set(should.verdict, (met.get(should.verdict) ?? 0) + 1);
    }
  }
  // A sample in which one of them hardly occurs would show little.
  for (const verdict of [Verdict.FORWARD, Verdict.DROP, Verdict.WOULD_DROP])
    expect(met.get(verdict)).toBeGreaterThan(PACKETS / 100);
});
