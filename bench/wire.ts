/**
 * What a flow update weighs on the wire: batches by the agent's own builder and spool, compressed as sent,
 * beside the same rows as JSON; and which columns the bytes go to.
 * `node --import tsx bench/wire.ts [intervals]`; the result is written to bench/results/wire.json.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { FLOW_COLUMNS } from "@millrace/contract/batch";
import { packBatch } from "@millrace/contract/batch-wire";
import { Incarnation } from "@millrace/contract/ids";
import { OBSERVERS, PROTOCOLS, TCP_STATES, VERDICTS } from "@millrace/contract/verdict";
import { Packr } from "msgpackr";
import { Spool } from "../apps/agent/src/spool/spool.ts";
import { Baselines } from "../apps/agent/src/telemetry/baselines.ts";
import { BatchBuilder } from "../apps/agent/src/telemetry/batch.ts";
import { compress } from "../apps/agent/src/telemetry/compress.ts";
import { DEVICE_COUNTERS, TOTALS, zeros } from "../apps/agent/src/telemetry/endpoint-baseline.ts";
import { Fleet, type Place, type Pod } from "./fleet.ts";
import { agentFlowId, DROPS, FlowMix, type Row, type Sighting } from "./flow-mix.ts";
import { type BatchContent, HostBatch, headOf } from "./host-batch.ts";
import { percentile, writeResult } from "./result.ts";

const SECOND_US = 1_000_000;
const INTERVALS = Number(process.argv[2] ?? 60);
/** Intervals until as many flows end as begin. */
const WARM_UP = 60;
const HOSTS = 3;
const MEASURED = 1;
/** New flows a second in the fleet, and what that makes one host. */
const MEASURED_HOSTS = {
  "quiet host": { newPerInterval: 30 },
  "busy host": { newPerInterval: 500 },
  "very busy host": { newPerInterval: 6000 },
  "busy host that Millrace carries": { newPerInterval: 500, carried: true },
};

type Sizes = { rows: number; bytes: number };
const each = ({ rows, bytes }: Sizes): number => Number((bytes / rows).toFixed(1));

/** The agent's builder over a spool on disk, as in the agent. */
class Sender {
  readonly #folder = mkdtempSync(path.join(tmpdir(), "millrace-bench-wire-"));
  readonly #spool: Spool;
  readonly #builder: BatchBuilder;

  constructor() {
    const baselines = new Baselines();
    this.#spool = new Spool({
      directory: this.#folder,
      incarnation: Incarnation.parse(randomUUID()),
      limitBytes: 256 << 20,
      snapshot: () => baselines.snapshot(),
    });
    this.#builder = new BatchBuilder({ spool: this.#spool, baselines, nowMs: Date.now });
  }

  begin(fromUs: number): void {
    this.#builder.begin({ fromUs, toUs: fromUs + SECOND_US });
  }
  add({ row, observer, source, destination, dropped }: Sighting): void {
    const builder = this.#builder;
    const named = ({ pod }: Place) => builder.workload(pod?.host === MEASURED ? pod.workload : undefined);
    row.srcWorkload = named(source);
    row.dstWorkload = named(destination);
    row.endpoint = builder.endpointNumber(observer.endpoint) ?? builder.addEndpoint(...report(observer));
    row.dropReason = dropped ? builder.reason((DROPS[dropped - 1] as (typeof DROPS)[number]).reason) : 0;
    row.flowId = agentFlowId(row, uidOf(observer));
    append(builder.flows, row);
    if (builder.flows.full) this.commit();
  }
  commit(): void {
    if (this.#builder.isEmpty) return;
    if (!this.#builder.commit()) throw new Error(`the spool took no batch: ${this.#spool.failure}`);
    for (let sent = this.#spool.oldest; sent; sent = this.#spool.oldest) this.#spool.acknowledge(sent);
  }
  get sizes(): Sizes & { batches: number } {
    const { flowRows, bytes, batches } = this.#builder.totals;
    return { rows: flowRows, bytes, batches };
  }
  end(): void {
    this.#spool.close();
    rmSync(this.#folder, { recursive: true });
  }
}

const uidOf = (pod: Pod): string => `2f6c0a3e-6f1d-4a0c-9c1b-3b7e6a1d2c4f:${4711 + pod.endpoint}:2`;

/** The agent writes its columns in place; rows come in one by one here. */
function append(block: BatchBuilder["flows"], row: Row): void {
  for (const name of Object.keys(FLOW_COLUMNS) as (keyof Row)[]) {
    const value = row[name];
    if (typeof value === "number") block.columns[name][block.rows] = value;
    else block.columns[name].set(value, block.rows * 16);
  }
  block.rows++;
}

function report(pod: Pod): Parameters<BatchBuilder["addEndpoint"]> {
  const none = { packets: 0, segments: 0, bytes: 0 };
  const total = { packets: 900 + pod.endpoint, segments: 1100 + pod.endpoint, bytes: 812_345 };
  const classes = {
    total,
    notIp: none,
    truncated: none,
    tableFull: none,
    flowRetired: none,
    otherHost: none,
    spoofed: none,
    overBudget: none,
  };
  const device = {
    txPackets: 900,
    txBytes: 812_345,
    rxPackets: 900,
    rxBytes: 812_345,
    txDropped: 0,
    rxDropped: 0,
  };
  const state = {
    ...{ id: pod.endpoint, cookie: "4711", ifindex: 2, interface: "eth0", port: null, inexact: false },
    uid: uidOf(pod),
    ...{
      addresses: [pod.ip4],
      workload: pod.workload,
      totals: zeros(TOTALS),
      device: zeros(DEVICE_COUNTERS),
    },
  };
  return [state, { egress: classes, ingress: classes, notes: {}, device }];
}

/** The row as an API without columns would send it. */
function jsonRow({ row, source, destination }: Sighting): string {
  const { src, dst, flowId, proto, observer, verdict, tcpState, srcWorkload, dstWorkload, ...numbers } = row;
  const named = ({ text, pod }: Place) => ({
    ip: text,
    pod: pod?.workload.pod,
    service: pod?.workload.service,
  });
  return JSON.stringify({
    flowId: Buffer.from(flowId).toString("hex"),
    ...{ proto: PROTOCOLS[proto], observer: OBSERVERS[observer], verdict: VERDICTS[verdict] },
    ...{ tcpState: TCP_STATES[tcpState], src: named(source), dst: named(destination) },
    ...numbers,
  });
}

/** By how much a batch shrinks without one column: what it alone costs. */
function columnCosts(content: BatchContent): Record<string, number> {
  const packr = new Packr({ useRecords: false });
  const size = (columns: Record<string, Uint8Array>) =>
    compress(packr.pack({ flows: columns })).payload.length;
  const { flows } = packBatch(headOf(content, { incarnation: randomUUID(), sequence: 1 }), content);
  const whole = size(flows);
  const costs = Object.keys(FLOW_COLUMNS).map((name) => {
    const rest = Object.fromEntries(Object.entries(flows).filter(([other]) => other !== name));
    return [name, Number(((whole - size(rest)) / content.flowRows).toFixed(2))] as const;
  });
  return Object.fromEntries(costs.filter(([, bytes]) => bytes >= 0.05).sort(([, a], [, b]) => b - a));
}

function measure(of: { newPerInterval: number; carried?: boolean }) {
  const fleet = new Fleet({ hosts: HOSTS, podsPerHost: 30, services: 40, externals: 20_000 });
  const mix = new FlowMix(fleet, of);
  const sender = new Sender();
  const columns = new HostBatch(fleet.podsOf(MEASURED), 5000);
  const json: Sizes = { rows: 0, bytes: 0 };
  const jsonGzipped: number[] = [];
  let from = Date.now() * 1000 - (WARM_UP + INTERVALS) * SECOND_US;
  for (let i = 0; i < WARM_UP; i++, from += SECOND_US) mix.interval(from, from + SECOND_US, () => {});
  for (let i = 0; i < INTERVALS; i++, from += SECOND_US) {
    const lines: string[] = [];
    sender.begin(from);
    mix.interval(from, from + SECOND_US, (sighting) => {
      if (sighting.observer.host !== MEASURED) return;
      lines.push(jsonRow(sighting));
      sender.add(sighting);
      if (i === 0 && !columns.full) columns.add(sighting, from);
    });
    sender.commit();
    json.rows += lines.length;
    json.bytes += lines.reduce((sum, line) => sum + line.length + 1, 0);
    jsonGzipped.push(gzipSync(`[${lines.join()}]`, { level: 1 }).length / lines.length);
  }
  const { rows, bytes, batches } = sender.sizes;
  sender.end();
  return {
    rowsPerBatch: Math.round(rows / batches),
    bytesPerRow: each({ rows, bytes }),
    jsonBytesPerRow: each(json),
    jsonGzippedBytesPerRow: percentile(jsonGzipped, 0.5),
    columnsCompressedBytesPerRow: columnCosts(columns.take(from)),
  };
}

const GOALS = [20, 10];
const figures = Object.fromEntries(
  Object.entries(MEASURED_HOSTS).map(([name, host]) => [name, measure(host)] as const),
);

writeResult("wire", {
  question: "bytes on the wire a flow update, as the agent sends it",
  method:
    `one host's updates of a pretended shop (${HOSTS} hosts of 30 pods, 20,000 external peers) over ${INTERVALS} intervals of 1 s, through the agent's ` +
    "BatchBuilder and spool; bodies as pushed (packed columns, dictionaries, endpoint reports, msgpack, brotli), HTTP's headers apart. " +
    "A column's cost is what a batch shrinks by without it",
  findings: Object.entries(figures).map(([name, { rowsPerBatch, bytesPerRow, ...json }]) => ({
    what: `${name}, ${rowsPerBatch} updates a batch`,
    goal: `≤ ${GOALS[0]} B, then ≤ ${GOALS[1]} B`,
    measured: `${bytesPerRow} B; as JSON ${json.jsonBytesPerRow} B, gzipped ${json.jsonGzippedBytesPerRow} B`,
    met: bytesPerRow <= (GOALS[0] as number),
  })),
  figures,
});
