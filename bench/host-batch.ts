/**
 * One host's rows of a flow mix as an agent would batch them: columns and dictionaries. Plain building of the
 * wire form for benchmarks of what receives it; the agent's own builder (BatchBuilder) is measured in wire.ts.
 */
import {
  BATCH_VERSION,
  type BatchHead,
  DROP_COLUMNS,
  FLOW_COLUMNS,
  SERVICE_COLUMNS,
  TRANSLATION_COLUMNS,
  type Workload,
} from "@millrace/contract/batch";
import { type BatchColumns, packBatch } from "@millrace/contract/batch-wire";
import { type ColumnRow, type Columns, type ColumnTable, ColumnWriter } from "@millrace/contract/column";
import { Incarnation } from "@millrace/contract/ids";
import { Packr } from "msgpackr";
import { compress } from "../apps/agent/src/telemetry/compress.ts";
import type { Place, Pod } from "./fleet.ts";
import { agentFlowId, DROPS, type Sighting } from "./flow-mix.ts";

const packr = new Packr({ useRecords: false });

export type BatchContent = {
  from: number;
  to: number;
  workloads: Workload[];
  endpoints: readonly Pod[];
  flowRows: number;
  dropRows: number;
} & BatchColumns;

export class HostBatch {
  /** Those of the host: all of them have something to report in each batch. */
  readonly #pods: readonly Pod[];
  readonly #rows: ColumnWriter<typeof FLOW_COLUMNS>;
  readonly #drops = new ColumnWriter(DROP_COLUMNS, { maxRows: 5000 });
  readonly #workloads = new Map<Workload, number>();
  #fromUs = 0;

  constructor(pods: readonly Pod[], maxRows: number) {
    this.#pods = pods;
    this.#rows = new ColumnWriter(FLOW_COLUMNS, { maxRows });
  }
  get full(): boolean {
    return this.#rows.full;
  }
  get rows(): number {
    return this.#rows.rows;
  }

  /** An agent names its own pods only. */
  add(sighting: Sighting, fromUs: number): void {
    const { row, observer, source, destination, dropped } = sighting;
    if (this.#rows.rows === 0) this.#fromUs = fromUs;
    row.srcWorkload = this.#workload(source);
    row.dstWorkload = this.#workload(destination);
    row.endpoint = observer.endpoint;
    row.dropReason = dropped;
    row.flowId = agentFlowId(row, uidOf(observer));
    this.#rows.append(row);
    if (dropped && !this.#drops.full) this.#drops.append(dropRow(sighting));
  }

  /** What was added, copied, and begins anew. */
  take(toUs: number): BatchContent {
    for (const { workload } of this.#pods) numberIn(this.#workloads, workload);
    const content: BatchContent = {
      ...{ from: this.#fromUs, to: toUs, flowRows: this.#rows.rows, dropRows: this.#drops.rows },
      ...{ workloads: [...this.#workloads.keys()], endpoints: [...this.#pods] },
      flows: copied(this.#rows),
      drops: copied(this.#drops),
      translations: copied(new ColumnWriter(TRANSLATION_COLUMNS, { maxRows: 0 })),
      services: copied(new ColumnWriter(SERVICE_COLUMNS, { maxRows: 0 })),
    };
    this.#rows.rows = 0;
    this.#drops.rows = 0;
    this.#workloads.clear();
    return content;
  }

  #workload(place: Place): number {
    return place.pod && this.#pods.includes(place.pod)
      ? numberIn(this.#workloads, place.pod.workload) + 1
      : 0;
  }
}

function copied<T extends ColumnTable>(writer: ColumnWriter<T>): Columns<T> {
  const columns: [string, Uint8Array][] = Object.entries(writer.columns());
  return Object.fromEntries(columns.map(([name, column]) => [name, column.slice()])) as Columns<T>;
}

function dropRow({ row, observer, destination, dropped }: Sighting): ColumnRow<typeof DROP_COLUMNS> {
  const { src, dst, srcPort, dstPort, proto, srcWorkload, dstWorkload, firstSeen, lastSeen } = row;
  return {
    ...{ src, dst, srcPort, dstPort, proto, srcWorkload, dstWorkload, firstSeen, lastSeen },
    ...{ reason: dropped, place: dropped, class: 0, direction: destination.pod === observer ? 1 : 0 },
    ...{ packets: 1, bytes: row.fwdBytes },
  };
}

function numberIn<T>(numbers: Map<T, number>, value: T): number {
  const known = numbers.get(value);
  if (known !== undefined) return known;
  numbers.set(value, numbers.size);
  return numbers.size - 1;
}

const uidOf = (pod: Pod): string => `bench:${pod.host}:${pod.endpoint}`;
const NO_COUNTS = { packets: 0, segments: 0, bytes: 0 };
const QUIET = {
  ...{
    notIp: NO_COUNTS,
    truncated: NO_COUNTS,
    tableFull: NO_COUNTS,
    flowRetired: NO_COUNTS,
    otherHost: NO_COUNTS,
    spoofed: NO_COUNTS,
    overBudget: NO_COUNTS,
  },
};

function endpointReport(pod: Pod, content: BatchContent) {
  const total = { packets: 900, segments: 1100, bytes: 800_000 };
  return {
    ...{ uid: uidOf(pod), interface: "eth0", addresses: [pod.ip4], notes: {} },
    workload: content.workloads.indexOf(pod.workload) + 1,
    ...{ egress: { total, ...QUIET }, ingress: { total, ...QUIET } },
    device: {
      txPackets: 900,
      txBytes: 800_000,
      rxPackets: 900,
      rxBytes: 800_000,
      txDropped: 0,
      rxDropped: 0,
    },
  };
}

/** All of a batch but its columns. */
export function headOf(content: BatchContent, key: { incarnation: string; sequence: number }): BatchHead {
  const { flows, drops, translations, endpoints, ...rest } = content;
  return {
    ...{ v: BATCH_VERSION, ...rest, sequence: key.sequence, incarnation: Incarnation.parse(key.incarnation) },
    reasons: DROPS.map((drop) => drop.reason),
    places: DROPS.map((drop) => drop.place),
    endpoints: endpoints.map((pod) => endpointReport(pod, content)),
    lost: [],
    translationRows: 0,
    serviceRows: 0,
  };
}

/** A push's body, compressed as the agent does. */
export function encoded(content: BatchContent, key: { incarnation: string; sequence: number }): Uint8Array {
  const head = headOf(content, key);
  return compress(packr.pack({ ...head, ...packBatch(head, content) })).payload;
}
