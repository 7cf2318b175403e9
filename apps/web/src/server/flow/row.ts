/** A joined pair as the API's FlowRow: ids become names, two accounts one. No I/O: names are an argument. */
import type { End, FlowRow, FlowRule, FlowTuple } from "@millrace/contract/flow";
import type { FlowId, Milliseconds } from "@millrace/contract/ids";
import { ruleParts } from "@millrace/contract/rule-number";
import { OBSERVERS, POLICY_DROP, TCP_STATES, verdictOf, WAYS } from "@millrace/contract/verdict";
import type { Names, Wanted } from "../workload/service.ts";
import { isPrivate } from "./address.ts";
import { BADNESS, type Counts, type Latest, later, type Member, type Tuple } from "./member.ts";
import type { Pair } from "./pair.ts";

const membersOf = (pair: Pair): Member[] => (pair.other ? [pair.primary, pair.other] : [pair.primary]);
const said = (latest: Latest): number | null => latest?.[1] ?? null;
const ms = (us: number): Milliseconds => Math.floor(us / 1000) as Milliseconds;

/** What has to be known to write the rows. */
export function wantedBy(members: readonly Member[]): Wanted {
  return {
    workloads: members.flatMap((m) => [said(m.srcWorkload), said(m.dstWorkload)]),
    hosts: members.map((m) => m.hostId),
    reasons: members.map((m) => said(m.reason)),
    askedServices: members.map((m) => said(m.asked)),
  };
}

export function rowOf(pair: Pair, names: Names): FlowRow {
  const { primary, other } = pair;
  const members = membersOf(pair);
  const reason = names.reason(said(members.map((m) => m.reason).reduce(later))) ?? null;
  const badness = (BADNESS as readonly number[])[Math.max(...members.map((m) => m.badness))];
  const verdict = verdictOf(badness ?? 3);
  return {
    id: primary.flowId as FlowId,
    otherId: (other?.flowId as FlowId | undefined) ?? null,
    join: pair.join,
    tuples: tuplesOf(pair),
    otherSideUnknown: otherSideUnknown(pair, names),
    firstSeen: ms(Math.min(...members.map((m) => m.firstSeenUs))),
    lastSeen: ms(Math.max(...members.map((m) => m.lastSeenUs))),
    openerKnown: members.some((m) => m.openerKnown),
    src: endOf(primary.src, primary.srcPort, said(identity(pair, "srcWorkload")), names),
    dst: endOf(primary.dst, primary.dstPort, said(identity(pair, "dstWorkload")), names),
    asked: names.askedService(said(members.map((m) => m.asked).reduce(later))) ?? null,
    proto: primary.proto,
    vlan: primary.vlan,
    verdict,
    dropReason: reason,
    drops: sum(members, (m) => m.drops),
    way: WAYS[said(primary.way) ?? 0] ?? "none",
    pathTiers: tiersOf(primary),
    rules: rulesOf(members, verdict === "would-drop" || (verdict === "dropped" && reason === POLICY_DROP)),
    forward: direction(primary.forward),
    reverse: direction(primary.reverse),
    tcpState: TCP_STATES[said(primary.tcpState) ?? 0] ?? "none",
    rttUs: said(primary.rtt) ?? (other ? said(other.rtt) : null),
    rttMinUs: primary.rttMinUs ?? other?.rttMinUs ?? null,
    retransmits: sum(members, (m) => m.retransmits),
    observers: members.map((m) => ({
      host: names.host(m.hostId)?.name ?? `host ${m.hostId}`,
      side: OBSERVERS[m.observer] ?? "unknown",
    })),
    simulated: members.some((m) => names.host(m.hostId)?.simulated ?? false),
  };
}

/** A packet that came while its agent read may be among the slow ones before it is among all. */
function tiersOf({ forward, reverse, slowPackets }: Member): FlowRow["pathTiers"] {
  if (slowPackets === null) return null;
  const packets = forward.packets + reverse.packets;
  const slow = Math.min(slowPackets, packets);
  return { slow, fast: packets - slow };
}

/** Both ends' word where both let it pass, the source's first; else that of the end that didn't. */
function rulesOf(members: readonly Member[], isByPolicy: boolean): FlowRule[] {
  const judged = members.flatMap(({ observer, decision }) => (decision ? [{ observer, decision }] : []));
  const worst = Math.max(...judged.map(({ decision: [badness] }) => badness));
  const rules = judged
    .filter(({ decision: [badness, , rule] }) => rule > 0 && (!isByPolicy || badness === worst))
    .sort((a, b) => a.observer - b.observer)
    .map(({ decision: [, , rule, revision] }) => ({ ...ruleParts(rule), revision }));
  const [first, second] = rules;
  const isSame = first && second && first.policy === second.policy && first.place === second.place;
  return isSame || isByPolicy ? rules.slice(0, 1) : rules;
}

/** From the source's own form to the destination's own; an observer's other side lies between the hosts. */
function tuplesOf({ primary, other }: Pair): FlowTuple[] {
  const turned = other !== null && isTurned(primary, other);
  const [first, last] = primary.observer === 1 ? [other, primary] : [primary, other];
  const forms = [first, first?.nat, last?.nat, last].flatMap((form) => {
    if (!form) return [];
    const isOthers = other !== null && (form === other || form === other.nat);
    return tupleOf(form, isOthers && turned);
  });
  const path = forms.filter((form, i) => i === 0 || !sameForm(form, forms[i - 1] as FlowTuple));
  return path.length > 1 ? path : [];
}

/** Neither saw the opening, and they took different ends for the source. */
function isTurned(a: Member, b: Member): boolean {
  const outside = (m: Member): Tuple => m.nat ?? m;
  return outside(a).src === outside(b).dst && outside(a).srcPort === outside(b).dstPort;
}
function tupleOf({ src, srcPort, dst, dstPort }: Tuple, turned: boolean): FlowTuple {
  const [from, to] = [
    { ip: src, port: srcPort },
    { ip: dst, port: dstPort },
  ];
  return turned ? { src: to, dst: from } : { src: from, dst: to };
}
const sameForm = (a: FlowTuple, b: FlowTuple): boolean =>
  a.src.ip === b.src.ip && a.src.port === b.src.port && a.dst.ip === b.dst.ip && a.dst.port === b.dst.port;

/**
 * Of a flow with one observer, whether a NAT may hide another: one of the hosts it touches can't say. What is known to
 * have another side isn't in doubt, and nobody of ours stands behind an address of the Internet.
 */
function otherSideUnknown({ primary, join }: Pair, names: Names): string | null {
  if (join !== "single" || primary.nat) return null;
  const [near, far] = primary.observer === 1 ? (["dst", "src"] as const) : (["src", "dst"] as const);
  if (!isPrivate(primary[far]) || primary[near] === primary[far]) return null;
  const there = names.workload(said(primary[`${far}Workload`]));
  const here = names.host(primary.hostId);
  const hosts = [here, names.hostNamed(there?.host ?? null)];
  for (const host of hosts)
    if (host?.noConntrack) return `the connection tracking of ${host.name} isn't read: ${host.noConntrack}`;
  return null;
}

const sum = (members: Member[], of: (m: Member) => number): number =>
  members.reduce((total, m) => total + of(m), 0);
const direction = ({ packets, segments, bytes, flags }: Counts) => ({
  packets,
  segments,
  bytes,
  tcpFlags: flags,
});

/** Each end is known best by the observer that stands there; its word goes first. */
function identity(pair: Pair, which: "srcWorkload" | "dstWorkload"): Latest {
  const { primary, other } = pair;
  if (!other) return primary[which];
  const sameWay = pair.join === "opening" || !isTurned(primary, other);
  const there = sameWay ? which : which === "srcWorkload" ? "dstWorkload" : "srcWorkload";
  const side = which === "srcWorkload" ? 0 : 1;
  return primary.observer === side ? (primary[which] ?? other[there]) : (other[there] ?? primary[which]);
}

export function endOf(ip: string, port: number, workload: number | null, names: Names): End {
  const known = names.workload(workload);
  return {
    ip,
    port,
    kind: known?.kind ?? "unknown",
    host: known?.host ?? null,
    namespace: known?.namespace ?? null,
    pod: known?.pod ?? null,
    container: known?.container ?? null,
    service: known?.service ?? null,
    labels: known?.labels ?? {},
    unknown: known?.unknown ?? null,
  };
}
