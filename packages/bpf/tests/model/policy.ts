/*
 * Whether a flow may pass: docs/policy.md, by its own reference, judge.ts. Here is what the dataplane adds: who the peer is,
 * in which direction a flow is judged, and what becomes of what can't be judged (docs/dataplane.md, "Policy").
 */
import { FlowOpener, PathKind, Verdict } from "@millrace/abi/generated/flow";
import { PolicyLimit } from "@millrace/abi/generated/policy";
import type { Policy, PolicyDirection, PolicyIdentity } from "@millrace/contract/policy";
import { judge, selects } from "@millrace/policy/judge";
import { FORWARDED_BY_NOTHING, hasPorts, type Judgement } from "@millrace/policy/judgement";
import { addressText, isLinkLocal } from "./bytes.ts";
import type { Flow } from "./flow.ts";
import { ICMP6 } from "./parse.ts";
import type { Path } from "./route.ts";
import type { Place, World } from "./world.ts";

/** What the bearer of a packet says of who sent it. */
export interface Told {
  /** The tunnel's; 0: nothing. */
  identity: number;
  /** Whose tunnel. */
  remote: number;
  /** The host's own stack sends it: its addresses are its own. */
  byStack: boolean;
  /** The port of this host's that it came to; null: it came to the pod itself. */
  came: Place | null;
}
export const TOLD_NOTHING: Told = { identity: 0, remote: 0, byStack: false, came: null };

/** From outside, under an address of this host. */
export const isAsHost = (path: Path, told: Told): boolean =>
  path.peerIdentity === PolicyLimit.HOST_IDENTITY && !told.byStack;

/** Of what arrives. A tunnel speaks for other hosts' pods only, and against a lease only from the host that the lease names. */
export function takeTold(path: Path, told: Told): void {
  const isLeased = path.kind === PathKind.DIRECT || path.kind === PathKind.OVERLAY;
  if (isAsHost(path, told)) path.peerIdentity = PolicyLimit.WORLD_IDENTITY;
  if (told.identity < PolicyLimit.FIRST_IDENTITY) return;
  if (path.kind === PathKind.PUNT || (isLeased && path.remote === told.remote))
    path.peerIdentity = told.identity;
}

/** Neighbour discovery and multicast reports, on the link. */
export function isLinkUpkeep({ proto, saddr, daddr, dport }: Flow): boolean {
  const isNear = isLinkLocal(daddr) || daddr.startsWith("ff02") || saddr.startsWith("ff02");
  const type = dport >> 8;
  return isNear && proto === ICMP6 && ((type >= 130 && type <= 137) || type === 143);
}

export type Answer = Judgement | "unknown";

/** By who opened it; nobody saw it: as it would be, had either end. */
export function judged(world: World, flow: Flow, path: Path, opener: FlowOpener): Answer {
  if (opener === FlowOpener.LOCAL) return asked(world, flow, path, "egress");
  if (opener === FlowOpener.REMOTE) return asked(world, flow, path, "ingress");
  const egress = asked(world, flow, path, "egress");
  if (egress !== "unknown" && egress.verdict === "forward") return egress;
  const ingress = asked(world, flow, path, "ingress");
  return ingress !== "unknown" && ingress.verdict === "drop" ? egress : ingress;
}

function asked(world: World, flow: Flow, path: Path, direction: PolicyDirection): Answer {
  const { policies, subjects, identities } = world.policy as NonNullable<World["policy"]>;
  const subject = subjects.get(flow.endpointId);
  if (!subject) return "unknown";
  if (!speaksOf(policies, subject, direction)) return FORWARDED_BY_NOTHING; // whoever the peer is
  const identity = identities.get(path.peerIdentity);
  if (identity === undefined) return "unknown";
  const { proto: protocol, daddr, sport, dport } = flow;
  return judge(policies, {
    ...{ subject, direction, protocol },
    port: hasPorts(protocol) ? (direction === "egress" ? dport : sport) : null,
    peer: {
      ...{ identity, address: addressText(daddr) },
      isHost: path.peerIdentity === PolicyLimit.HOST_IDENTITY,
    },
  });
}

const speaksOf = (
  policies: readonly Policy[],
  subject: PolicyIdentity,
  direction: PolicyDirection,
): boolean =>
  policies.some(
    (policy) =>
      selects(policy, subject) &&
      (policy.isolates.includes(direction) || policy.rules.some((rule) => rule.direction === direction)),
  );

export const verdictOf = ({ verdict, wouldDrop }: Judgement): Verdict => {
  if (verdict === "drop") return Verdict.DROP;
  return wouldDrop ? Verdict.WOULD_DROP : Verdict.FORWARD;
};
