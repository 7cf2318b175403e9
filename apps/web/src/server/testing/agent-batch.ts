/** Batches as an agent sends them, row by row, with everything a test doesn't care about filled in. Test material. */
import {
  BATCH_VERSION,
  type BatchHead,
  DROP_COLUMNS,
  FLOW_COLUMNS,
  SERVICE_COLUMNS,
  TRANSLATION_COLUMNS,
} from "@millrace/contract/batch";
import { packBatch } from "@millrace/contract/batch-wire";
import { type ColumnRow, type Columns, type ColumnTable, ColumnWriter } from "@millrace/contract/column";
import { Incarnation } from "@millrace/contract/ids";
import ipaddr from "ipaddr.js";
import { pack } from "msgpackr";

export type FlowRow = ColumnRow<typeof FLOW_COLUMNS>;
export type TranslationRow = ColumnRow<typeof TRANSLATION_COLUMNS>;
export type ServiceRow = ColumnRow<typeof SERVICE_COLUMNS>;
export type DropRow = ColumnRow<typeof DROP_COLUMNS>;
export type EndpointReport = BatchHead["endpoints"][number];
export type Workload = BatchHead["workloads"][number];

export const newIncarnation = (): Incarnation => Incarnation.parse(crypto.randomUUID());
export const SECOND_US = 1_000_000;

/** Addresses as columns hold them. */
export function ip(text: string): Uint8Array {
  const address = ipaddr.parse(text);
  const v6 = address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;
  return Uint8Array.from((v6 as ipaddr.IPv6).toByteArray());
}
/** A UUIDv7 from a number. */
export function flowId(n: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, n);
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  return bytes;
}

const NO_COUNTS = { packets: 0, segments: 0, bytes: 0 };
export const noClasses = () => ({
  ...{
    total: NO_COUNTS,
    notIp: NO_COUNTS,
    truncated: NO_COUNTS,
    tableFull: NO_COUNTS,
    flowRetired: NO_COUNTS,
    otherHost: NO_COUNTS,
    spoofed: NO_COUNTS,
    overBudget: NO_COUNTS,
  },
});
export function anEndpoint(over: Partial<EndpointReport> = {}): EndpointReport {
  return {
    ...{ uid: "boot:1:2", workload: 0, interface: "eth0", addresses: ["10.0.0.1"], notes: {} },
    ...{ egress: noClasses(), ingress: noClasses() },
    device: { txPackets: 1, txBytes: 0, rxPackets: 0, rxBytes: 0, txDropped: 0, rxDropped: 0 },
    ...over,
  };
}
export function aWorkload(over: Partial<Workload> = {}): Workload {
  return {
    ...{ kind: "pod", namespace: "shop", pod: "web-1", container: null, service: "web", labels: {} },
    ...{ runtime: "runc", unknown: null },
    ...over,
  };
}

export function aFlow(atUs: number, over: Partial<FlowRow> = {}): FlowRow {
  return {
    ...{ flowId: flowId(1), firstSeen: atUs - SECOND_US, lastSeen: atUs, src: ip("10.0.0.1") },
    ...{ dst: ip("10.0.0.2"), srcPort: 40_000, dstPort: 80, proto: 6, vlan: 0, observer: 0, openerKnown: 1 },
    ...{ verdict: 0, dropReason: 0, drops: 0, fwdPackets: 2, fwdSegments: 2, fwdBytes: 200 },
    ...{ revPackets: 1, revSegments: 1, revBytes: 100, fwdFlags: 2, revFlags: 18, tcpState: 2 },
    ...{ rttUs: 0, rttMinUs: 0, retransmits: 0, opens: 1, isn: 0, srcWorkload: 0, dstWorkload: 0 },
    ...{ endpoint: 0, final: 0, carried: 0, way: 0, slowPackets: 0, rule: 0, revision: 0 },
    ...over,
  };
}
export function aDrop(atUs: number, over: Partial<DropRow> = {}): DropRow {
  return {
    ...{ src: ip("10.0.0.1"), dst: ip("10.0.0.2"), srcPort: 40_000, dstPort: 80, proto: 6, reason: 1 },
    ...{ place: 1, class: 0, direction: 1, srcWorkload: 0, dstWorkload: 0, packets: 1, bytes: 60 },
    ...{ firstSeen: atUs - SECOND_US, lastSeen: atUs },
    ...over,
  };
}

export type BatchParts = Partial<BatchHead> & {
  flows?: FlowRow[];
  drops?: DropRow[];
  translations?: TranslationRow[];
  services?: ServiceRow[];
};

/** The message before it is serialized: hostile tests change it. */
export function message(atUs: number, parts: BatchParts = {}): Record<string, unknown> {
  const { flows = [], drops = [], translations = [], services = [], ...over } = parts;
  const head = {
    ...{ v: BATCH_VERSION, incarnation: newIncarnation(), sequence: 1, from: atUs - SECOND_US, to: atUs },
    ...{ workloads: [], reasons: [], places: [], endpoints: [anEndpoint()], lost: [] },
    ...{ flowRows: flows.length, dropRows: drops.length, translationRows: translations.length },
    serviceRows: services.length,
    ...over,
  };
  const columns = {
    flows: columnsOf(FLOW_COLUMNS, flows),
    drops: columnsOf(DROP_COLUMNS, drops),
    translations: columnsOf(TRANSLATION_COLUMNS, translations),
    services: columnsOf(SERVICE_COLUMNS, services),
  };
  return { ...head, ...packBatch(head, columns) };
}
export const batchBytes = (atUs: number, parts: BatchParts = {}): Uint8Array =>
  Uint8Array.from(pack(message(atUs, parts)));

function columnsOf<T extends ColumnTable>(table: T, rows: readonly ColumnRow<T>[]): Columns<T> {
  const writer = new ColumnWriter(table, { maxRows: Math.max(1, rows.length) });
  for (const row of rows) writer.append(row);
  return writer.columns();
}
