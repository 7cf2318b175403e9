/**
 * The kernel's tables that flows are judged by, in the layouts of shared/policy.h. All of one policy set stands under its
 * number, and which set holds is one word: so one set takes the place of another at once. What should stand there is
 * decided elsewhere.
 */
import type { FlowDirection, Verdict } from "@millrace/abi/generated/flow";
import {
  CIDR_CLASS_KEY_SIZE,
  encodeCidrClassKey,
  encodeJudgementKey,
  encodeRulesetKey,
  encodeRuleVerdict,
  encodeSubjectKey,
  JUDGEMENT_KEY_SIZE,
  PolicyLimit,
  PolicySelection,
  RULE_VERDICT_SIZE,
  RULESET_KEY_SIZE,
  readCidrClassKey,
  readJudgementKey,
  readRulesetKey,
  readRuleVerdict,
  readSubjectKey,
  SUBJECT_KEY_SIZE,
} from "@millrace/abi/generated/policy";
import { type BpfMap, rcuBarrier } from "@millrace/native/native";
import type { PairJudgement, PolicyTables, RuleEntry, Ruleset } from "./dataplane.ts";
import { bytesOf, encoded, nextGeneration, readForwarding, viewOf } from "./forwarding.ts";
import { u32 } from "./trace-object.ts";

type MapOf = (name: string) => BpfMap;
type Entry = readonly [key: Uint8Array, value: Uint8Array];

/**
 * race: whoever decides a flow reads the generation first. Programs that began before the set was changed are done after
 * the barrier, so what bears the new generation was judged by the new set alone; until it is raised established flows go
 * by what was decided before.
 */
export function replacePolicy(map: MapOf, tables: PolicyTables): void {
  const before = readForwarding(map("forwarding"));
  const set = nextSet(before.policySet);
  keepOnly(map, before.policySet, undefined); // left by a life that ended in the middle
  writeRulesets(map, tables.rulesets);
  writeAll(
    map("subjects"),
    tables.subjects.map((one) => subjectEntry(set, one)),
  );
  writeAll(
    map("cidr_classes"),
    tables.classes.map((one) => classEntry(set, one)),
  );
  writeAll(
    map("judgements"),
    tables.judgements.map((one) => judgementEntry(set, one)),
  );
  map("forwarding").update(u32(0), bytesOf({ ...before, policySet: set }));
  rcuBarrier();
  const generation = nextGeneration(before.generation);
  map("forwarding").update(u32(0), bytesOf({ ...before, policySet: set, generation }));
  keepOnly(map, set, new Set(tables.rulesets.map(({ number }) => number)));
}

/** Rulesets first: a judgement must find the one it names. */
export function addPolicy(map: MapOf, more: Pick<PolicyTables, "judgements" | "rulesets">): void {
  const { policySet } = readForwarding(map("forwarding"));
  writeRulesets(map, more.rulesets);
  writeAll(
    map("judgements"),
    more.judgements.map((one) => judgementEntry(policySet, one)),
  );
}

export function readPolicy(map: MapOf): PolicyTables | undefined {
  const { policySet } = readForwarding(map("forwarding"));
  if (policySet === PolicyLimit.NO_SET) return undefined;
  const ofSet = <T extends { set: number }>(entries: [T, DataView][]) =>
    entries.filter(([key]) => key.set === policySet);
  return {
    subjects: ofSet(entriesOf(map("subjects"), readSubjectKey)).map(([{ endpointId }, value]) => {
      const selects = value.getUint32(0, true);
      const has = (bit: number) => (selects & bit) !== 0;
      return { endpointId, egress: has(PolicySelection.EGRESS), ingress: has(PolicySelection.INGRESS) };
    }),
    classes: ofSet(entriesOf(map("cidr_classes"), readCidrClassKey)).map(([key, value]) => ({
      address: Uint8Array.from(key.address),
      prefixBits: key.prefixBits - PolicyLimit.SET_BITS,
      number: value.getUint32(0, true),
    })),
    judgements: ofSet(entriesOf(map("judgements"), readJudgementKey)).map(([{ set: _, ...key }, value]) => ({
      ...key,
      direction: key.direction as FlowDirection,
      ruleset: value.getUint32(0, true),
    })),
    rulesets: readRulesets(map("rulesets")),
  };
}

function readRulesets(map: BpfMap): Ruleset[] {
  const found = new Map<number, RuleEntry[]>();
  for (const [key, value] of entriesOf(map, readRulesetKey)) {
    const { verdict, rule, revision } = readRuleVerdict(value, 0);
    const bits = key.prefixBits - PolicyLimit.PROTOCOL_BITS;
    const [high = 0, low = 0] = key.port;
    const entry = {
      protocol: bits < 0 ? null : key.proto,
      port: bits <= 0 ? null : { value: high * 256 + low, bits },
      ...{ verdict: verdict as Verdict, rule, revision },
    };
    found.set(key.ruleset, [...(found.get(key.ruleset) ?? []), entry]);
  }
  return [...found].map(([number, entries]) => ({ number, entries }));
}

/** Removes what is of any other set, and every ruleset but these; undefined: rulesets stay. */
function keepOnly(map: MapOf, set: number, rulesets: ReadonlySet<number> | undefined): void {
  const isOther = (key: { set: number }) => key.set !== set;
  removeWhere(map("judgements"), readJudgementKey, isOther);
  removeWhere(map("subjects"), readSubjectKey, isOther);
  removeWhere(map("cidr_classes"), readCidrClassKey, isOther);
  if (rulesets) removeWhere(map("rulesets"), readRulesetKey, ({ ruleset }) => !rulesets.has(ruleset));
}

function removeWhere<K>(
  map: BpfMap,
  read: (view: DataView, at: number) => K,
  isGone: (key: K) => boolean,
): void {
  const { count, keys } = map.readAll();
  const view = viewOf(keys);
  const gone: Uint8Array[] = [];
  for (let i = 0; i < count; i++)
    if (isGone(read(view, i * map.keySize))) gone.push(keys.subarray(i * map.keySize, (i + 1) * map.keySize));
  if (gone.length > 0) map.deleteBatch(Buffer.concat(gone), gone.length);
}

function writeAll(map: BpfMap, entries: readonly Entry[]): void {
  if (entries.length === 0) return;
  const keys = Buffer.concat(entries.map(([key]) => key));
  map.updateBatch(keys, Buffer.concat(entries.map(([, value]) => value)), entries.length);
}
const writeRulesets = (map: MapOf, rulesets: readonly Ruleset[]): void =>
  writeAll(
    map("rulesets"),
    rulesets.flatMap(({ number, entries }) => entries.map((one) => ruleEntry(number, one))),
  );

function entriesOf<K>(map: BpfMap, read: (view: DataView, at: number) => K): [K, DataView][] {
  const { count, keys, values } = map.readAll();
  return Array.from({ length: count }, (_, i) => [
    read(viewOf(keys), i * map.keySize),
    viewOf(values.subarray(i * map.stride, (i + 1) * map.stride)),
  ]);
}

const nextSet = (set: number): number => (set === 0xffff_ffff ? PolicyLimit.NO_SET + 1 : set + 1);

function subjectEntry(set: number, one: PolicyTables["subjects"][number]): Entry {
  const { endpointId } = one;
  const selects = (one.egress ? PolicySelection.EGRESS : 0) | (one.ingress ? PolicySelection.INGRESS : 0);
  return [encoded(SUBJECT_KEY_SIZE, (view) => encodeSubjectKey({ set, endpointId }, view)), u32(selects)];
}
function classEntry(set: number, { address, prefixBits, number }: PolicyTables["classes"][number]): Entry {
  const key = { set, address, prefixBits: PolicyLimit.SET_BITS + prefixBits };
  return [encoded(CIDR_CLASS_KEY_SIZE, (view) => encodeCidrClassKey(key, view)), u32(number)];
}
function judgementEntry(set: number, { ruleset, ...pair }: PairJudgement): Entry {
  const key = encoded(JUDGEMENT_KEY_SIZE, (view) => encodeJudgementKey({ set, ...pair }, view));
  return [key, u32(ruleset)];
}
function ruleEntry(ruleset: number, { protocol, port, verdict, rule, revision }: RuleEntry): Entry {
  const bits = protocol === null ? PolicyLimit.ANY_BITS : PolicyLimit.PROTOCOL_BITS + (port?.bits ?? 0);
  const value = port?.value ?? 0;
  const key = {
    prefixBits: bits,
    ruleset,
    proto: protocol ?? 0,
    port: Uint8Array.of(value >> 8, value & 255),
  };
  return [
    encoded(RULESET_KEY_SIZE, (view) => encodeRulesetKey(key, view)),
    encoded(RULE_VERDICT_SIZE, (view) => encodeRuleVerdict({ verdict, rule, revision }, view)),
  ];
}
