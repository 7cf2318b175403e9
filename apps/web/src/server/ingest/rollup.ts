/**
 * A batch's part in the rollups, added up in memory: pure but for the cardinality it is given. Flows,
 * packets, bytes and RTT are summed over counted updates (one observer of a flow); drops and retransmits over all,
 * because each happened at one end only and that end's observer alone saw it. `updates` counts both kinds: the
 * counted, and the uncounted that tell of drops. SQL is rollup-store.ts's.
 */

import { VERDICT_NUMBER } from "@millrace/contract/verdict";
import { addSample, merge } from "../sketch.ts";
import type { Batch } from "./decode.ts";
import type { Names } from "./enrich.ts";
import type { RollupCardinality } from "./rollup-cardinality.ts";
import { OTHER, type RollupName } from "./rollup-name.ts";

export const ROLLUP_WIDTHS = [
  { table: "rollup_10s", ms: 10_000 },
  { table: "rollup_1m", ms: 60_000 },
  { table: "rollup_1h", ms: 3_600_000 },
] as const;
export type RollupTable = (typeof ROLLUP_WIDTHS)[number]["table"];

export type RollupKey = {
  readonly src: RollupName;
  readonly dst: RollupName;
  readonly dstPort: number;
  readonly proto: number;
  readonly verdict: number;
};
export const SUMS = [
  ...(["updates", "opened", "fwdPackets", "fwdBytes", "revPackets", "revBytes"] as const),
  ...(["drops", "retransmits"] as const),
] as const;
export type RollupRow = RollupKey & Record<(typeof SUMS)[number], number> & { sketch: number[] };

const WITH_PORTS = new Set([6, 17, 132]);
/** Where Linux takes a client's port from. */
const FIRST_EPHEMERAL = 32_768;

/** The batch at its finest key, peers without a name of their own folded into "other". */
export function addUp(batch: Batch, names: Names, peers: ReadonlySet<string>): RollupRow[] {
  const { head, flows } = batch;
  const rows = new Map<number, Map<number, RollupRow>>();
  const numbers = new NameNumbers(peers);
  for (let row = 0; row < head.flowRows; row++) {
    const silent = (flows.drops[row] as number) === 0 && (flows.retransmits[row] as number) === 0;
    if (!names.counted[row] && silent) continue;
    const src = numbers.of(names.flowSrcName[row] as RollupName);
    const dst = numbers.of(names.flowDstName[row] as RollupName);
    const dstPort = serverPort(batch, row);
    const proto = flows.proto[row] as number;
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

/** More than a batch's rows have ends. */
const MOST_NAMES = 65_536;

/** A number for each name that is shown, so that a row's key is arithmetic and not a text. */
class NameNumbers {
  readonly #peers: ReadonlySet<string>;
  readonly #byObject = new Map<RollupName, number>();
  readonly #byText = new Map<string, number>();
  readonly #names: RollupName[] = [];

  constructor(peers: ReadonlySet<string>) {
    this.#peers = peers;
  }
  of(name: RollupName): number {
    const known = this.#byObject.get(name);
    if (known !== undefined) return known;
    const isOther = name.kind === "other" || (name.kind === "external" && !this.#peers.has(name.name));
    const shown = isOther ? OTHER : name;
    const text = `${shown.kind} ${shown.name}`;
    const number = this.#byText.get(text) ?? this.#names.push(shown) - 1;
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

function zeros(key: RollupKey): RollupRow {
  const sums = Object.fromEntries(SUMS.map((name) => [name, 0])) as Record<(typeof SUMS)[number], number>;
  const { src, dst, dstPort, proto, verdict } = key;
  return { src, dst, dstPort, proto, verdict, ...sums, sketch: [] };
}

function addRow(into: RollupRow, { head, flows }: Batch, names: Names, row: number): void {
  into.drops += flows.drops[row] as number;
  into.retransmits += flows.retransmits[row] as number;
  const lost = flows.verdict[row] === VERDICT_NUMBER.dropped && (flows.drops[row] as number) > 0;
  if (names.counted[row] || lost) into.updates++;
  if (!names.counted[row]) return;
  into.opened += flows.opens[row] || ((flows.firstSeen[row] as number) >= head.from ? 1 : 0);
  into.fwdPackets += flows.fwdPackets[row] as number;
  into.fwdBytes += flows.fwdBytes[row] as number;
  into.revPackets += flows.revPackets[row] as number;
  into.revBytes += flows.revBytes[row] as number;
  if (flows.rttUs[row]) addSample(into.sketch, flows.rttUs[row] as number);
}

/** A port that may be a client's isn't a server's, when nobody saw who opened the flow. */
function serverPort({ flows }: Batch, row: number): number {
  if (!WITH_PORTS.has(flows.proto[row] as number)) return 0;
  const port = flows.dstPort[row] as number;
  return !flows.openerKnown[row] && port >= FIRST_EPHEMERAL ? 0 : port;
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
  for (const row of rows) {
    // A row that has the overflow's own key joins it: a key must not be written twice.
    if (!hasOverflowKey(row) && cardinality.admits(bucket, keyText(row))) kept.push(row);
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
