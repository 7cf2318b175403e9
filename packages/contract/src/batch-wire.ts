/**
 * A batch's columns between their tables and the wire, for both sides: packed (packing.ts), and without the
 * flow ids that can be derived. Serializing and compressing are the caller's.
 */
import type { PackedAddresses } from "./addresses.ts";
import { type BatchHead, DROP_COLUMNS, FLOW_COLUMNS, SERVICE_COLUMNS, TRANSLATION_COLUMNS } from "./batch.ts";
import type { Columns } from "./column.ts";
import {
  endpointSeed,
  FLOW_ID_WORDS,
  flowSeed,
  setFlowPorts,
  setFlowProtocol,
  setFlowTime,
  writeFlowId,
} from "./flow-id.ts";
import { packNumbers, unpackNumbers } from "./numbers.ts";
import { DROP_RULES, FLOW_RULES, type Packed, Packer, unpackColumns } from "./packing.ts";

export type FlowColumns = Columns<typeof FLOW_COLUMNS>;
export type DropColumns = Columns<typeof DROP_COLUMNS>;
export type TranslationColumns = Columns<typeof TRANSLATION_COLUMNS>;
export type ServiceColumns = Columns<typeof SERVICE_COLUMNS>;
export type BatchColumns = {
  flows: FlowColumns;
  drops: DropColumns;
  translations: TranslationColumns;
  services: ServiceColumns;
};
export type ColumnsRead = ({ ok: true } & BatchColumns) | { ok: false; reason: string };
type WireColumns = Record<string, Uint8Array>;
/** `ownIds`: of flows whose id is another than the derived one; `ownIdAt` is 1 in their rows. */
export type PackedBatch = {
  addresses: PackedAddresses;
  flows: WireColumns;
  drops: WireColumns;
  translations: WireColumns;
  services: WireColumns;
  ownIdAt?: Uint8Array;
  ownIds?: Uint8Array;
};
type Shape = Pick<BatchHead, "to" | "flowRows" | "dropRows" | "translationRows" | "serviceRows"> & {
  endpoints: readonly { uid: string }[];
};

const LOCAL_IS_SOURCE = 0; // index of OBSERVERS
const LOCAL_IS_DESTINATION = 1;
const { flowId: _, ...CARRIED } = FLOW_COLUMNS;

export function packBatch(head: Shape, columns: BatchColumns): PackedBatch {
  const { flows, drops, translations, services } = columns;
  const packer = new Packer(head.to);
  const packed = {
    flows: packer.pack(CARRIED, flows, head.flowRows, FLOW_RULES),
    drops: packer.pack(DROP_COLUMNS, drops, head.dropRows, DROP_RULES),
    translations: packer.pack(TRANSLATION_COLUMNS, translations, head.translationRows, {}),
    services: packer.pack(SERVICE_COLUMNS, services, head.serviceRows, {}),
  };
  return { addresses: packer.addresses(), ...packed, ...ownIds(head, flows) };
}

function ownIds(head: Shape, flows: FlowColumns): Pick<PackedBatch, "ownIdAt" | "ownIds"> {
  const derived = wordsOf(deriveIds(head, flows));
  const given = wordsOf(flows.flowId);
  const own = new Float64Array(head.flowRows);
  const ids: number[] = [];
  for (let row = 0, at = 0; row < head.flowRows; row++, at += 4) {
    const same =
      given[at] === derived[at] &&
      given[at + 1] === derived[at + 1] &&
      given[at + 2] === derived[at + 2] &&
      given[at + 3] === derived[at + 3];
    if (same) continue;
    own[row] = 1;
    ids.push(...given.subarray(at, at + 4));
  }
  if (ids.length === 0) return {};
  return {
    ownIdAt: packNumbers(own, head.flowRows, 0),
    ownIds: new Uint8Array(Uint32Array.from(ids).buffer),
  };
}

/** Checked to the last byte; what the values mean is the caller's to check. */
export function readBatchColumns(head: BatchHead, raw: unknown): ColumnsRead {
  const from = raw as Record<string, unknown>;
  const shared = { addresses: addressesIn(from.addresses), toUs: head.to };
  const flows = unpackFlows(head, from, shared);
  if (!flows.ok) return { ok: false, reason: `flows: ${flows.reason}` };
  const packedDrops = { columns: from.drops, rows: head.dropRows, ...shared };
  const drops = unpackColumns(DROP_COLUMNS, DROP_RULES, packedDrops);
  if (!drops.ok) return { ok: false, reason: `drops: ${drops.reason}` };
  const packedTranslations = { columns: from.translations, rows: head.translationRows, ...shared };
  const translations = unpackColumns(TRANSLATION_COLUMNS, {}, packedTranslations);
  if (!translations.ok) return { ok: false, reason: `translations: ${translations.reason}` };
  const packedServices = { columns: from.services ?? {}, rows: head.serviceRows, ...shared };
  const services = unpackColumns(SERVICE_COLUMNS, {}, packedServices);
  if (!services.ok) return { ok: false, reason: `services: ${services.reason}` };
  const rest = { translations: translations.columns, services: services.columns };
  return { ok: true, flows: flows.columns, drops: drops.columns, ...rest };
}

type Shared = Pick<Packed, "addresses" | "toUs">;

function unpackFlows(head: BatchHead, from: Record<string, unknown>, shared: Shared) {
  const packed = { columns: from.flows, rows: head.flowRows, ...shared };
  const read = unpackColumns(CARRIED, FLOW_RULES, packed);
  if (!read.ok) return read;
  const flowId = deriveIds(head, read.columns);
  const reason = putOwnIds(flowId, head.flowRows, from.ownIdAt, from.ownIds);
  if (reason !== undefined) return { ok: false as const, reason: `column flowId ${reason}` };
  return { ok: true as const, columns: { ...read.columns, flowId } };
}

function addressesIn(raw: unknown): PackedAddresses {
  const { ip4, ip6 } = (raw ?? {}) as Record<string, unknown>;
  const none = new Uint8Array();
  return { ip4: ip4 instanceof Uint8Array ? ip4 : none, ip6: ip6 instanceof Uint8Array ? ip6 : none };
}

function putOwnIds(flowId: Uint8Array, rows: number, at: unknown, ids: unknown): string | undefined {
  if (at === undefined && ids === undefined) return undefined;
  if (!(at instanceof Uint8Array && ids instanceof Uint8Array)) return "has no places or no ids";
  const isOwn = new Float64Array(rows);
  const read = unpackNumbers(at, isOwn);
  if (!read.ok) return read.reason;
  let next = 0;
  for (let row = 0; row < rows; row++) {
    if (isOwn[row] === 0) continue;
    if (next + 16 > ids.byteLength) return "has fewer ids than places";
    flowId.set(ids.subarray(next, next + 16), row * 16);
    next += 16;
  }
  return next === ids.byteLength ? undefined : "has more ids than places";
}

/** Of a flow whose observer stands at neither end none is derived: zeros. */
function deriveIds(head: Shape, flows: Omit<FlowColumns, "flowId">): Uint8Array {
  const out = new Uint32Array(head.flowRows * 4);
  const seeds = head.endpoints.map(({ uid }) => endpointSeed(uid));
  const from = new Uint32Array(FLOW_ID_WORDS);
  const [src, dst] = [wordsOf(flows.src), wordsOf(flows.dst)];
  for (let row = 0; row < head.flowRows; row++) {
    const observer = flows.observer[row] as number;
    const seed = seeds[flows.endpoint[row] as number];
    if (seed === undefined || (observer !== LOCAL_IS_SOURCE && observer !== LOCAL_IS_DESTINATION)) continue;
    const isSource = observer === LOCAL_IS_SOURCE;
    for (let i = 0; i < 4; i++) {
      from[i] = (isSource ? src : dst)[row * 4 + i] as number;
      from[i + 4] = (isSource ? dst : src)[row * 4 + i] as number;
    }
    const [srcPort, dstPort] = [flows.srcPort[row] as number, flows.dstPort[row] as number];
    setFlowPorts(from, isSource ? srcPort : dstPort, isSource ? dstPort : srcPort);
    setFlowProtocol(from, flows.proto[row] as number, flows.vlan[row] as number);
    setFlowTime(from, flows.firstSeen[row] as number);
    writeFlowId(out, row * 4, from, flowSeed(seed, isSource));
  }
  return new Uint8Array(out.buffer);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const whole = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(whole.buffer, whole.byteOffset, Math.floor(whole.byteLength / 4));
}
