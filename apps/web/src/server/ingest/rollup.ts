/**
 * A batch's part in the rollups, added up in memory: pure but for the cardinality it is given. Flows,
 * packets, bytes and RTT are summed over counted updates (one observer of a flow); drops and retransmits over all,
 * because each happened at one end only and that end's observer alone saw it. SQL is rollup-store.ts's.
 */

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
  const rows = new Map<string, RollupRow>();
  const shown = (name: RollupName) => (name.kind === "external" && !peers.has(name.name) ? OTHER : name);
  for (let row = 0; row < head.flowRows; row++) {
    const silent = (flows.drops[row] as number) === 0 && (flows.retransmits[row] as number) === 0;
    if (!names.counted[row] && silent) continue;
    const key = {
      src: shown(names.flowSrcName[row] as RollupName),
      dst: shown(names.flowDstName[row] as RollupName),
      dstPort: serverPort(batch, row),
      proto: flows.proto[row] as number,
      verdict: flows.verdict[row] as number,
    };
    addRow(rowOf(rows, key), batch, names, row);
  }
  return [...rows.values()];
}

export const keyText = (k: RollupKey): string =>
  `${k.src.kind} ${k.src.name}|${k.dst.kind} ${k.dst.name}|${k.dstPort}|${k.proto}|${k.verdict}`;

function rowOf(rows: Map<string, RollupRow>, key: RollupKey): RollupRow {
  const text = keyText(key);
  let row = rows.get(text);
  if (!row) {
    const sums = Object.fromEntries(SUMS.map((name) => [name, 0])) as Record<(typeof SUMS)[number], number>;
    row = { ...key, ...sums, sketch: [] };
    rows.set(text, row);
  }
  return row;
}

function addRow(into: RollupRow, { head, flows }: Batch, names: Names, row: number): void {
  into.drops += flows.drops[row] as number;
  into.retransmits += flows.retransmits[row] as number;
  if (!names.counted[row]) return;
  into.updates++;
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
  const kept = new Map<string, RollupRow>();
  for (const row of rows) {
    const text = keyText(row);
    if (cardinality.admits(bucket, text)) kept.set(text, row);
    else addSums(rowOf(kept, { ...row, src: OTHER, dst: OTHER, dstPort: 0, proto: 0 }), row);
  }
  return [...kept.values()];
}
function addSums(into: RollupRow, from: RollupRow): void {
  for (const name of SUMS) into[name] += from[name];
  into.sketch = merge(into.sketch, from.sketch);
}
