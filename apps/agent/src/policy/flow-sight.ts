/**
 * Flows as policy sees them: between whom, who opened it to which port, and what it was last judged. A view of the
 * kernel's table: to be used up before that is read again.
 */
import {
  FLOW_PATH_OFFSETS,
  FLOW_RECORD_OFFSETS,
  FlowDirection,
  FlowLifecycle,
  FlowOpener,
  PathReason,
  Verdict,
} from "@millrace/abi/generated/flow";
import type { Pair, TableBytes } from "../dataplane/dataplane.ts";
import { addressKey, addressText } from "../endpoint/address.ts";
import { FlowTable, KEY, KEY_WORDS, RECORD } from "../telemetry/flow-table.ts";
import { entryFor, type PairJudge } from "./pair-judge.ts";

const PEER_IDENTITY = (FLOW_RECORD_OFFSETS.path + FLOW_PATH_OFFSETS.peerIdentity) / 4;
const PORTS = 8; // the word of the key that holds both
const ADDRESS_BYTES = 16;
const WITH_PORTS = new Set([6, 17, 132]);

export type FlowSight = {
  endpointId: number;
  peerIdentity: number;
  cidrClass: number;
  protocol: number;
  /** As if the endpoint, and as if its peer had opened it: one of them, or both where nobody knows. */
  opened: readonly { direction: FlowDirection; port: number }[];
  /** undefined: not judged by policies, or dropped for another reason. */
  verdict: Verdict | undefined;
};

/** `identityOf` is asked for peers whose identity wasn't known when their flow was decided. */
export function* flowSights(
  bytes: TableBytes,
  classOf: (address: string) => number,
  identityOf: (address: string) => number | undefined,
): Generator<FlowSight> {
  const table = new FlowTable(bytes);
  const classes = new Map<string | number, number>();
  const wire = new Uint32Array(KEY_WORDS);
  const remote = new Uint8Array(wire.buffer, KEY.remote * 4, ADDRESS_BYTES);
  for (let i = 0; i < table.count; i++) {
    if (table.record(i, RECORD.lifecycle) !== FlowLifecycle.LIVE || isLinkUpkeep(table, i)) continue;
    // A flow to a service is judged as one to its backend.
    if (!table.translated(i, wire)) wire.set(table.keys.subarray(table.keyAt(i), table.keyAt(i) + KEY_WORDS));
    const text = () => addressText(remote);
    const key = addressKey(wire, KEY.remote);
    const cidrClass = classes.get(key) ?? classOf(text());
    classes.set(key, cidrClass);
    const peerIdentity = table.record(i, PEER_IDENTITY) || identityOf(text());
    if (peerIdentity === undefined) continue;
    yield {
      ...{ endpointId: table.key(i, KEY.endpoint), peerIdentity, cidrClass, protocol: table.protocol(i) },
      ...{ opened: openedIn(table, i, wire), verdict: verdictIn(table.record(i, RECORD.verdict)) },
    };
  }
}

const ICMP6 = 58;
const isLinkLocal = (word: number): boolean => (word & 0xc0ff) === 0x80fe;
const isLinkGroup = (word: number): boolean => (word & 0xffff) === 0x02ff;

/** Is never judged: policy_is_link_upkeep in packages/bpf/lib/policy.h. */
function isLinkUpkeep(table: FlowTable, i: number): boolean {
  if (table.protocol(i) !== ICMP6) return false;
  const [local, remote] = [table.key(i, KEY.local), table.key(i, KEY.remote)];
  const type = (table.key(i, PORTS) >>> 16) & 0xff;
  const isNear = isLinkLocal(remote) || isLinkGroup(remote) || isLinkGroup(local);
  return isNear && ((type >= 130 && type <= 137) || type === 143);
}

function openedIn(table: FlowTable, i: number, wire: Uint32Array): FlowSight["opened"] {
  const [own, there] = WITH_PORTS.has(table.protocol(i))
    ? [table.key(i, PORTS) & 0xffff, (wire[PORTS] as number) >>> 16]
    : [0, 0];
  const egress = { direction: FlowDirection.EGRESS, port: swapped(there) };
  const ingress = { direction: FlowDirection.INGRESS, port: swapped(own) };
  const opener = table.opener(i);
  if (opener === FlowOpener.LOCAL) return [egress];
  return opener === FlowOpener.REMOTE ? [ingress] : [egress, ingress];
}
const swapped = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);

function verdictIn(word: number): Verdict | undefined {
  const [verdict, reason] = [word & 0xff, (word >>> 16) & 0xff];
  if (verdict === Verdict.FORWARD || verdict === Verdict.WOULD_DROP) return verdict;
  return verdict === Verdict.DROP && reason === PathReason.POLICY ? Verdict.DROP : undefined;
}

export function* pairsOf({ endpointId, peerIdentity, cidrClass, opened }: FlowSight): Generator<Pair> {
  for (const { direction } of opened) yield { endpointId, peerIdentity, cidrClass, direction };
}

/** What the flow's next packet will be judged; undefined: it can't be yet. */
export function verdictOf(flow: FlowSight, judge: PairJudge): Verdict | undefined {
  const verdicts = flow.opened.map(({ direction, port }) => {
    const ruleset = judge.rulesetOf({ ...flow, direction });
    return ruleset && entryFor(ruleset.entries, flow.protocol, port)?.verdict;
  });
  const passing = verdicts.find((verdict) => verdict !== undefined && verdict !== Verdict.DROP);
  return passing ?? (verdicts.includes(undefined) ? undefined : Verdict.DROP);
}

export type FlowChanges = { flows: number; cut: number; passAgain: number; observed: number };

/** On how many flows the verdict is another: dropped from now on, forwarded again, or only what would be is. */
export function changesOn(flows: readonly FlowSight[], judge: PairJudge): FlowChanges {
  const changes = { flows: flows.length, cut: 0, passAgain: 0, observed: 0 };
  for (const flow of flows) {
    const next = verdictOf(flow, judge);
    if (next === undefined || flow.verdict === undefined || next === flow.verdict) continue;
    if (next === Verdict.DROP) changes.cut++;
    else if (flow.verdict === Verdict.DROP) changes.passAgain++;
    else changes.observed++;
  }
  return changes;
}
