/**
 * A batch's part in the rollups, added up in memory: pure but for the cardinality it is given. Flows,
 * packets, bytes and RTT are summed over counted updates (one observer of a flow); drops and retransmits over all,
 * because each happened at one end only and that end's observer alone saw it. `updates` counts both kinds: the
 * counted, and the uncounted that tell what the other end can't know. SQL is rollup-store.ts's.
 */

import { VERDICT_NUMBER } from "@millrace/contract/verdict";
import { addSample, merge } from "../sketch.ts";
import type { Batch } from "./decode.ts";
import type { Names } from "./enrich.ts";
import type { RollupCardinality } from "./rollup-cardinality.ts";
import { OTHER, type RollupName } from "./rollup-name.ts";

/** `total`: the same over all keys, by verdict. */
export const ROLLUP_WIDTHS = [
  { table: "rollup_10s", total: "total_10s", ms: 10_000 },
  { table: "rollup_1m", total: "total_1m", ms: 60_000 },
  { table: "rollup_1h", total: "total_1h", ms: 3_600_000 },
] as const;
export type RollupTable = (typeof ROLLUP_WIDTHS)[number]["table"];
export type TotalTable = (typeof ROLLUP_WIDTHS)[number]["total"];

export type RollupKey = {
  readonly src: RollupName;
  readonly dst: RollupName;
  readonly dstPort: number;
  readonly proto: number;
  readonly verdict: number;
};
export const SUMS = [
  ...(["updates", "opened", "fwdPackets", "fwdBytes", "revPackets", "revBytes"] as const),
  ...(["drops", "retransmits", "slowPackets", "fastPackets"] as const),
] as const;
export const NOTHING = Object.fromEntries(SUMS.map((name) => [name, 0])) as Record<
  (typeof SUMS)[number],
  number
>;
export type RollupRow = RollupKey & Record<(typeof SUMS)[number], number> & { sketch: number[] };

const WITH_PORTS = new Set([6, 17, 132]);
/** Where Linux takes a client's port from. */
const FIRST_EPHEMERAL = 32_768;

/** The names that a batch counts under: those that aren't worth one of their own, or find no room, are "other". */
export type Shown = {
  readonly src: readonly RollupName[];
  readonly dst: readonly RollupName[];
};
export function shownNames(
  { flowSrcName: src, flowDstName: dst }: Pick<Names, "flowSrcName" | "flowDstName">,
  keeps: (name: RollupName) => boolean,
): Shown {
  const shown = new Map<RollupName, RollupName>();
  const of = (name: RollupName): RollupName => {
    let as = shown.get(name);
    if (!as) {
      as = keeps(name) ? name : OTHER;
      shown.set(name, as);
    }
    return as;
  };
  return { src: src.map(of), dst: dst.map(of) };
}

/** Ours have a name; of the others, the peers that weigh most. */
export const worthNaming =
  (peers: ReadonlySet<string>) =>
  ({ kind, name }: RollupName): boolean =>
    kind !== "external" || peers.has(name);

/** The batch at its finest key. */
export function addUp(batch: Batch, names: Pick<Names, "counted">, shown: Shown): RollupRow[] {
  const { head, flows } = batch;
  const rows = new Map<number, Map<number, RollupRow>>();
  const numbers = new NameNumbers();
  for (let row = 0; row < head.flowRows; row++) {
    if (!names.counted[row] && isSilent(batch, row)) continue;
    const src = numbers.of(shown.src[row] as RollupName);
    const dst = numbers.of(shown.dst[row] as RollupName);
    const proto = flows.proto[row] as number;
    const dstPort = serverPort(proto, flows.dstPort[row] as number, flows.openerKnown[row] === 1);
    const verdict = flows.verdict[row] as number;
    const ends = src * MOST_NAMES + dst;
    const rest = (dstPort * 256 + proto) * 4 + verdict;
    const between = rows.get(ends) ?? new Map<number, RollupRow>();
    if (between.size === 0) rows.set(ends, between);
    let into = between.get(rest);
    if (!into) {
      into = zeros({ src: numbers.name(src), dst: numbers.name(dst), dstPort, proto, verdict });
      between.set(rest, into);
    }
    addRow(into, batch, names, row);
  }
  return [...rows.values()].flatMap((between) => [...between.values()]);
}

/** Says nothing that the flow's other observer doesn't. */
const isSilent = ({ flows }: Batch, row: number): boolean =>
  flows.drops[row] === 0 &&
  flows.retransmits[row] === 0 &&
  !tellsAlone(flows.verdict[row] as number, flows.drops[row] as number);

/** More than a batch's rows have ends. */
const MOST_NAMES = 65_536;

/** A number for each name, so that a row's key is arithmetic and not a text. */
class NameNumbers {
  readonly #byObject = new Map<RollupName, number>();
  readonly #byText = new Map<string, number>();
  readonly #names: RollupName[] = [];

  of(name: RollupName): number {
    const known = this.#byObject.get(name);
    if (known !== undefined) return known;
    const text = `${name.kind} ${name.name}`;
    const number = this.#byText.get(text) ?? this.#names.push(name.kind === "other" ? OTHER : name) - 1;
    this.#byText.set(text, number);
    this.#byObject.set(name, number);
    return number;
  }
  name(number: number): RollupName {
    return this.#names[number] as RollupName;
  }
}

export const keyText = (k: RollupKey): string =>
  `${k.src.kind} ${k.src.name}|${k.dst.kind} ${k.dst.name}|${k.dstPort}|${k.proto}|${k.verdict}`;

export type TotalRow = Record<(typeof SUMS)[number], number> & { readonly verdict: number; sketch: number[] };

/** The rows of a batch over all keys, by verdict: in all there are four. */
export function totalsOf(rows: readonly RollupRow[]): TotalRow[] {
  const totals = new Map<number, RollupRow>();
  for (const row of rows) addSums(overflowRow(totals, row.verdict), row);
  return [...totals.values()];
}

function zeros(key: RollupKey): RollupRow {
  const { src, dst, dstPort, proto, verdict } = key;
  return { src, dst, dstPort, proto, verdict, ...NOTHING, sketch: [] };
}

function addRow(into: RollupRow, { head, flows }: Batch, names: Pick<Names, "counted">, row: number): void {
  into.drops += flows.drops[row] as number;
  into.retransmits += flows.retransmits[row] as number;
  const alone = tellsAlone(flows.verdict[row] as number, flows.drops[row] as number);
  if (names.counted[row] || alone) into.updates++;
  if (!names.counted[row]) return;
  into.opened += openedIn(flows.opens[row] as number, (flows.firstSeen[row] as number) >= head.from);
  into.fwdPackets += flows.fwdPackets[row] as number;
  into.fwdBytes += flows.fwdBytes[row] as number;
  into.revPackets += flows.revPackets[row] as number;
  into.revBytes += flows.revBytes[row] as number;
  if (flows.carried[row]) {
    const packets = (flows.fwdPackets[row] as number) + (flows.revPackets[row] as number);
    into.slowPackets += flows.slowPackets[row] as number;
    into.fastPackets += fastIn(packets, flows.slowPackets[row] as number);
  }
  if (flows.rttUs[row]) addSample(into.sketch, flows.rttUs[row] as number);
}

/** An update that tells of a loss, or of one that a policy would have made, is one of the reports, whoever it comes from. */
export const tellsAlone = (verdict: number, drops: number): boolean =>
  (verdict === VERDICT_NUMBER.dropped && drops > 0) || verdict === VERDICT_NUMBER["would-drop"];
/** A packet that came while the agent read may be among the slow ones already: the next interval has it. */
export const fastIn = (packets: number, slow: number): number => Math.max(0, packets - slow);
/** Without an opening that was seen, the flow's first packet is one. */
export const openedIn = (opens: number, isFirst: boolean): number => opens || (isFirst ? 1 : 0);

/** A port that may be a client's isn't a server's, when nobody saw who opened the flow. */
export function serverPort(proto: number, port: number, openerKnown: boolean): number {
  if (!WITH_PORTS.has(proto)) return 0;
  return !openerKnown && port >= FIRST_EPHEMERAL ? 0 : port;
}

/** Bytes by external address: what its peers are weighed by. */
export function peerBytes({ head, flows }: Batch, names: Names): Map<string, number> {
  const bytes = new Map<string, number>();
  for (let row = 0; row < head.flowRows; row++) {
    const weight = (flows.fwdBytes[row] as number) + (flows.revBytes[row] as number);
    for (const name of [names.flowSrcName[row], names.flowDstName[row]])
      if (name?.kind === "external") bytes.set(name.name, (bytes.get(name.name) ?? 0) + weight);
  }
  return bytes;
}

/** The rows as one bucket of one width takes them: beyond its keys, everything is other to other. */
export function admitted(
  rows: readonly RollupRow[],
  bucket: string,
  cardinality: RollupCardinality,
): RollupRow[] {
  const kept: RollupRow[] = [];
  const overflow = new Map<number, RollupRow>();
  const admits = cardinality.of(bucket);
  for (const row of rows) {
    // A row that has the overflow's own key joins it: a key must not be written twice.
    if (!hasOverflowKey(row) && admits(keyText(row))) kept.push(row);
    else addSums(overflowRow(overflow, row.verdict), row);
  }
  return [...kept, ...overflow.values()];
}
const hasOverflowKey = (k: RollupKey): boolean =>
  k.src === OTHER && k.dst === OTHER && k.dstPort === 0 && k.proto === 0;

/** Rows are shared by the widths: what overflows is added to a row of its own. */
function overflowRow(overflow: Map<number, RollupRow>, verdict: number): RollupRow {
  const row = overflow.get(verdict) ?? zeros({ src: OTHER, dst: OTHER, dstPort: 0, proto: 0, verdict });
  overflow.set(verdict, row);
  return row;
}
function addSums(into: RollupRow, from: RollupRow): void {
  for (const name of SUMS) into[name] += from[name];
  into.sketch = merge(into.sketch, from.sketch);
}
