/**
 * Numbers of one column as bytes that a compressor finds small: byte planes, the lowest first, as many as the
 * largest value needs; a constant stands once; a column of zeros is nothing. Whole numbers from 0 to 2^53.
 * What the numbers mean, and what is told instead of them, is packing.ts's.
 */
const CONSTANT = 0x08;
const PLANES = 0x07;
/** The numbers stand for others, as the packing has planned; else they are the values themselves. */
export const AS_PLANNED = 0x80;
const TWO_32 = 0x1_0000_0000;
const NOTHING = new Uint8Array();

export function packNumbers(values: Float64Array, rows: number, flag: number): Uint8Array {
  let most = 0;
  let isConstant = true;
  const first = values[0] as number;
  for (let i = 0; i < rows; i++) {
    const value = values[i] as number;
    if (value > most) most = value;
    if (value !== first) isConstant = false;
  }
  if (most === 0) return flag === 0 ? NOTHING : Uint8Array.of(flag);
  const planes = widthOf(most);
  const places = isConstant ? 1 : rows;
  const out = new Uint8Array(1 + planes * places);
  out[0] = flag | planes | (isConstant ? CONSTANT : 0);
  for (let plane = 0; plane < planes; plane++) writePlane(out, 1 + plane * places, values, places, plane);
  return out;
}

function writePlane(out: Uint8Array, at: number, values: Float64Array, places: number, plane: number): void {
  const shift = (plane & 3) * 8;
  if (plane < 4) for (let i = 0; i < places; i++) out[at + i] = (values[i] as number) >>> shift;
  else for (let i = 0; i < places; i++) out[at + i] = ((values[i] as number) / TWO_32) >>> shift;
}

const widthOf = (value: number): number =>
  value >= TWO_32
    ? 4 + Math.ceil((32 - Math.clz32(value / TWO_32)) / 8)
    : Math.ceil((32 - Math.clz32(value)) / 8);

export type Numbers = { ok: true; planned: boolean } | { ok: false; reason: string };

/** Into `values`, all of them. Checks lengths and that every value is a safe integer. */
export function unpackNumbers(bytes: Uint8Array | undefined, values: Float64Array): Numbers {
  const rows = values.length;
  const header = bytes?.[0];
  values.fill(0);
  if (bytes === undefined || header === undefined) return { ok: true, planned: false };
  const planes = header & PLANES;
  const places = planes === 0 ? 0 : header & CONSTANT ? 1 : rows;
  if (bytes.byteLength !== 1 + planes * places)
    return { ok: false, reason: `has ${bytes.byteLength} bytes, not 1 + ${planes} × ${places}` };
  for (let plane = planes - 1; plane >= 0; plane--) {
    const at = 1 + plane * places;
    for (let i = 0; i < places; i++) values[i] = (values[i] as number) * 256 + (bytes[at + i] as number);
  }
  if (planes === PLANES && values.some((value) => value > Number.MAX_SAFE_INTEGER))
    return { ok: false, reason: "has a number past 2^53" };
  if (header & CONSTANT) values.fill(values[0] as number);
  return { ok: true, planned: (header & AS_PLANNED) !== 0 };
}

/** A measurement to nine significant bits, rounded down by less than 0.4 %: what is worth telling of it. */
export function coarse(value: number): number {
  if (value < 512) return value;
  const drop = 23 - Math.clz32(value);
  return ((value >>> drop) << drop) >>> 0;
}
/** Coarse values in their order, without the gaps; undefined where `coarse` would lose something. */
export function coarseRank(value: number): number | undefined {
  if (value < 512) return value;
  const drop = 23 - Math.clz32(value);
  const kept = value >>> drop;
  return (kept << drop) >>> 0 === value ? 256 * (drop + 1) + kept - 256 : undefined;
}
export function ofCoarseRank(rank: number): number {
  if (rank < 512) return rank;
  const drop = Math.floor(rank / 256) - 1;
  return (256 + (rank % 256)) * 2 ** drop;
}
