/**
 * Joins the two observers of one flow. Each end's agent reports it under its own id; on a page it is one row,
 * whose traffic is one observer's (sums take one), and whose verdict, drops and retransmits are both's. Across a NAT
 * they are joined by what the connection tracking of their hosts says, else by TCP's opening. Pure.
 */
import { isPrivate } from "./address.ts";
import type { Member, Tuple } from "./member.ts";

export type Pair = {
  /** Whose tuple and traffic the row shows: the counted observer, which is the source's when it is ours. */
  readonly primary: Member;
  readonly other: Member | null;
  readonly join: "single" | "tuple" | "conntrack" | "opening";
};

/** Clocks of two hosts may be this far apart. */
const SKEW_US = 2_000_000;
/** A connection's opening crosses a NAT within this. */
const OPENING_US = 5_000_000;
const SOURCE = 0;
const UNKNOWN = 2;

/** All members with one pair key, or with pair keys that a NAT may have told apart; each ends up in one pair. */
export function pairMembers(members: readonly Member[]): Pair[] {
  const pairs: Pair[] = [];
  const single = groups(members, (m) => m.pairKey).flatMap((group) => matchUp(group, fitsTuple, pairs));
  const opened = groups(
    single.filter((m) => m.isn !== 0),
    (m) => m.isn,
  );
  const left = opened.flatMap((group) => matchUp(group, fitsOpening, pairs));
  for (const member of [...single.filter((m) => m.isn === 0), ...left])
    pairs.push({ primary: member, other: null, join: "single" });
  return pairs;
}

function groups<K>(members: readonly Member[], keyOf: (m: Member) => K): Member[][] {
  const byKey = new Map<K, Member[]>();
  for (const member of members) {
    const group = byKey.get(keyOf(member));
    if (group) group.push(member);
    else byKey.set(keyOf(member), [member]);
  }
  return [...byKey.values()];
}

/** Nearest openings first, so that a tuple that is used again isn't joined with its former life. */
function matchUp(group: Member[], fits: Fit, pairs: Pair[]): Member[] {
  if (group.length < 2) return group;
  const free = new Set(group);
  for (const [a, b] of couples(group, fits).sort(compareCouples)) {
    if (!free.has(a) || !free.has(b)) continue;
    free.delete(a);
    free.delete(b);
    const [primary, other] = inOrder(a, b);
    pairs.push({ primary, other, join: joinOf(primary, other) });
  }
  return [...free];
}

/** In order of opening, a life can only meet those that open before it ends. */
function couples(group: Member[], fits: Fit): Couple[] {
  const inTime = [...group].sort((a, b) => a.firstSeenUs - b.firstSeenUs);
  const found: Couple[] = [];
  for (const [at, a] of inTime.entries())
    for (let i = at + 1; i < inTime.length; i++) {
      const b = inTime[i] as Member;
      if (b.firstSeenUs > a.lastSeenUs + SKEW_US) break;
      if (fits(a, b)) found.push([a, b]);
    }
  return found;
}

type Fit = (a: Member, b: Member) => boolean;
type Couple = readonly [Member, Member];
const apart = ([a, b]: Couple): number => Math.abs(a.firstSeenUs - b.firstSeenUs);
const name = ([a, b]: Couple): string => (a.flowId < b.flowId ? a.flowId + b.flowId : b.flowId + a.flowId);
const compareCouples = (x: Couple, y: Couple): number => apart(x) - apart(y) || (name(x) < name(y) ? -1 : 1);

/** Opposite ends, or ends not known, of lives that overlap; never twice the same interface. */
function fitsTuple(a: Member, b: Member): boolean {
  const sameSide = a.observer === b.observer && a.observer !== UNKNOWN;
  if (sameSide || a.endpointId === b.endpointId || !sameTuple(a, b)) return false;
  return a.firstSeenUs <= b.lastSeenUs + SKEW_US && b.firstSeenUs <= a.lastSeenUs + SKEW_US;
}

/** Different tuples may share a pair key, which is a hash. Who opened the flow may be known to one end only. */
function sameTuple(a: Member, b: Member): boolean {
  if (a.proto !== b.proto) return false;
  const ends = (m: Member) => {
    const { src, srcPort, dst, dstPort } = outsideOf(m);
    return [`${src} ${srcPort}`, `${dst} ${dstPort}`] as const;
  };
  const [[aSrc, aDst], [bSrc, bDst]] = [ends(a), ends(b)];
  return (aSrc === bSrc && aDst === bDst) || (aSrc === bDst && aDst === bSrc);
}

/** As it is between the hosts: on the far side of the observer's own NAT. */
const outsideOf = (m: Member): Tuple => m.nat ?? m;

function joinOf(a: Member, b: Member): Pair["join"] {
  if (!sameTuple(a, b)) return "opening";
  return a.nat || b.nat ? "conntrack" : "tuple";
}

/** A NAT changes addresses, not TCP's initial sequence number. */
function fitsOpening(a: Member, b: Member): boolean {
  if (a.isn === 0 || a.isn !== b.isn || a.proto !== b.proto || a.pairKey === b.pairKey) return false;
  const opposite = a.observer + b.observer === 1;
  return opposite && Math.abs(a.firstSeenUs - b.firstSeenUs) <= OPENING_US;
}

function inOrder(a: Member, b: Member): Couple {
  if (a.counted !== b.counted) return a.counted ? [a, b] : [b, a];
  if (a.observer !== b.observer) return a.observer === SOURCE || b.observer === UNKNOWN ? [a, b] : [b, a];
  return a.flowId < b.flowId ? [a, b] : [b, a];
}

/**
 * Who may have another observer that a NAT hides, worth asking for by sequence number: its far end has an
 * address of a private network, as services, pods and gateways have. The Internet's own have no agent of ours.
 */
export function seeksNat(pair: Pair): boolean {
  const { isn, proto, observer } = pair.primary;
  const { src, dst } = outsideOf(pair.primary);
  if (pair.join !== "single" || isn === 0 || proto !== 6 || observer === UNKNOWN) return false;
  return isPrivate(observer === SOURCE ? dst : src);
}
