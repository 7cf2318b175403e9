/**
 * The agent of a host that isn't there, for what the stack's own agents can't show: it carries packets, holds blocks and
 * falls silent. It speaks to the real ingest as an agent does. Shared by the browser tests.
 */
import { randomUUID } from "node:crypto";
import { PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import {
  BATCH_VERSION,
  DROP_COLUMNS,
  FLOW_COLUMNS,
  SERVICE_COLUMNS,
  TRANSLATION_COLUMNS,
} from "@millrace/contract/batch";
import { packBatch } from "@millrace/contract/batch-wire";
import { type ColumnRow, type ColumnTable, ColumnWriter } from "@millrace/contract/column";
import { expect, type Page } from "@playwright/test";
import { pack } from "msgpackr";
import { instance } from "../tools/testing/browser-instance.ts";

const SECOND_US = 1_000_000;
const INGEST = `http://127.0.0.1:${instance.env.INGEST_PORT}/trpc`;
const NO_COUNTS = { packets: 0, segments: 0, bytes: 0 };
const CLASSES = Object.fromEntries(
  ["total", "notIp", "truncated", "tableFull", "flowRetired", "otherHost", "spoofed", "overBudget"].map(
    (name) => [name, NO_COUNTS],
  ),
);
const DEVICE = { txPackets: 0, txBytes: 0, rxPackets: 0, rxBytes: 0, txDropped: 0, rxDropped: 0 };
type FlowColumnsRow = ColumnRow<typeof FLOW_COLUMNS>;
/** What a test says of a flow; the rest is made up. */
export type PretendedFlow = Partial<FlowColumnsRow> & {
  dstPort: number;
  asked?: { address: Uint8Array; port: number };
};

export class PretendedAgent {
  readonly host: string;
  readonly #credential: string;
  readonly #incarnation = randomUUID();
  #sequence = 0;

  private constructor(host: string, credential: string) {
    this.host = host;
    this.#credential = credential;
  }

  /** With a token that the signed-in administrator of `page` makes. */
  static async enrol(
    page: Page,
    host: string,
    mode: "observe" | "dataplane" = "dataplane",
  ): Promise<PretendedAgent> {
    const { command } = (await operate(page, "agents.createEnrolToken", { host })) as { command: string };
    const token = /mre_[\w-]+/.exec(command)?.[0] ?? "";
    const enrolled = await send("agent.enrol", { protocol: PROTOCOL_VERSION, token, host }, "");
    const agent = new PretendedAgent(host, (enrolled as { credential: string }).credential);
    await agent.#say("agent.hello", {
      ...{ protocol: PROTOCOL_VERSION, abiHash: "pretended", agentVersion: "0.1.0", bootId: "pretended" },
      ...{
        incarnation: agent.#incarnation,
        kernel: "6.12.0",
        architecture: "x64",
        cpus: 2,
        memoryBytes: 4e9,
      },
      ...{ mode, simulated: true, capabilities: [] },
    });
    return agent;
  }

  /** Blocks of the pool, as many; then a heartbeat that tells of them. */
  async lease(pool: string, want: number): Promise<void> {
    const underlay = {
      uplink4: "192.0.2.77",
      uplink6: null,
      mac: "02:00:00:00:00:4d",
      mtu: 1500,
      vtepPort: 4789,
    };
    const answer = (await this.#say("network.lease", { blocks: [], want: { [pool]: want }, underlay })) as {
      blocks: { pool: string; prefix4: string | null; prefix6: string | null }[];
    };
    await this.#beat(
      {
        uplink: { interface: "eth0", addresses: ["192.0.2.77"], mtu: 1500, tunnelPort: 4789 },
        hostPorts: {
          count: 1,
          some: [{ protocol: "tcp", port: 8080, address: null, pod: "pretended/web-1", podPort: 80 }],
        },
        podLinks: { kind: "netkit", count: { netkit: 3, veth: 2 } },
        blocks: answer.blocks.map(({ prefix4, prefix6 }) => ({ pool, mode: "overlay", prefix4, prefix6 })),
        addresses: { used: 5, total: 64 * answer.blocks.length },
      },
      {
        ...{ "network.routes": 3, "network.taken": 12, "network.putBack": 11, "network.late": 1 },
        ...{
          "kernel.not_masqueraded": 4,
          "policy.classes": 41,
          "policy.judgements": 8192,
          "policy.entries": 96,
        },
      },
    );
  }
  /** A heartbeat of one that carries nothing. */
  observe(): Promise<void> {
    return this.#beat(null, {});
  }
  async #beat(network: object | null, counters: Record<string, number>): Promise<void> {
    await this.#say("agent.heartbeat", {
      ...{ incarnation: this.#incarnation, uptimeS: 60, cpuShare: 0.01, residentBytes: 9e7 },
      ...{ programs: [], pods: [], gaps: [], counters, network },
      maps: [{ name: "flows", type: "hash", used: 912, capacity: 2000, bytes: 5e5 }],
      spool: { batches: 0, bytes: 0, limitBytes: 1e8, oldestMs: null },
      flowTable: {
        ...{ budget: 1000, endpoints: 2 },
        holders: [
          { namespace: "pretended", pod: "web-1", interface: "eth0", flows: 900 },
          { namespace: "pretended", pod: "cart-1", interface: "eth0", flows: 12 },
        ],
      },
    });
  }

  /** Its pods, as many as are named, from the first address of its first block on. */
  async publish(pods: readonly Record<string, string>[]): Promise<void> {
    const endpoints = pods.map((labels, n) => ({
      ...{ attachmentId: `a${n}`, address4: `10.250.0.${n + 1}`, address6: null, labels },
    }));
    await this.#say("network.publish", { generation: Date.now(), endpoints, last: true });
  }

  /** Flows of the second that ends now, from a pod here to one elsewhere. */
  async push(flows: readonly PretendedFlow[]): Promise<void> {
    const toUs = Date.now() * 1000;
    const asked = flows.flatMap((flow, row) => (flow.asked ? [{ row, ...flow.asked }] : []));
    const head = {
      ...{ v: BATCH_VERSION, incarnation: this.#incarnation, sequence: ++this.#sequence },
      ...{ from: toUs - SECOND_US, to: toUs, reasons: [], places: [], lost: [] },
      workloads: [workload("web"), workload("cart")],
      endpoints: [
        {
          ...{ uid: `${this.host}:1:2`, workload: 1, interface: "eth0", addresses: ["10.250.0.1"] },
          ...{ egress: CLASSES, ingress: CLASSES, notes: {}, device: DEVICE },
        },
      ],
      ...{ flowRows: flows.length, dropRows: 0, translationRows: 0, serviceRows: asked.length },
    };
    const columns = {
      flows: columnsOf(
        FLOW_COLUMNS,
        flows.map((flow, n) => rowOf(toUs, flow, n)),
      ),
      drops: columnsOf(DROP_COLUMNS, []),
      translations: columnsOf(TRANSLATION_COLUMNS, []),
      services: columnsOf(SERVICE_COLUMNS, asked),
    };
    await send("telemetry.push", pack({ ...head, ...packBatch(head, columns) }), this.#credential);
  }

  #say(procedure: string, input: unknown): Promise<unknown> {
    return send(procedure, input, this.#credential);
  }
}

/** As the signed-in user of the page. */
export async function operate(page: Page, procedure: string, input: unknown): Promise<unknown> {
  const answer = await page.request.post(`/api/trpc/${procedure}`, {
    data: input as object,
    headers: { origin: instance.url },
  });
  expect(answer.status(), `${procedure}: ${await answer.text()}`).toBe(200);
  return ((await answer.json()) as { result: { data: unknown } }).result.data;
}

async function send(procedure: string, body: unknown, credential: string): Promise<unknown> {
  const isBytes = body instanceof Uint8Array;
  const response = await fetch(`${INGEST}/${procedure}`, {
    method: "POST",
    body: isBytes ? Uint8Array.from(body) : JSON.stringify(body),
    headers: {
      "content-type": isBytes ? "application/octet-stream" : "application/json",
      ...(credential ? { authorization: `Bearer ${credential}` } : {}),
    },
  });
  const text = await response.text();
  expect(response.status, `${procedure}: ${text}`).toBe(200);
  return (JSON.parse(text) as { result: { data: unknown } }).result.data;
}

const workload = (service: string) => ({
  ...{ kind: "pod" as const, namespace: "pretended", pod: `${service}-1`, container: null, service },
  ...{ labels: {}, runtime: "runc", unknown: null },
});

function columnsOf<T extends ColumnTable>(table: T, rows: readonly ColumnRow<T>[]) {
  const writer = new ColumnWriter(table, { maxRows: Math.max(1, rows.length) });
  for (const row of rows) writer.append(row);
  return writer.columns();
}

export const ip4 = (...bytes: number[]): Uint8Array =>
  Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes);

function rowOf(toUs: number, { asked: _, ...flow }: PretendedFlow, n: number): FlowColumnsRow {
  const numbers = Object.fromEntries(
    Object.entries(FLOW_COLUMNS).flatMap(([name, type]) => (type === "b16" ? [] : [[name, 0]])),
  );
  return {
    ...(numbers as Record<keyof FlowColumnsRow, never>),
    ...{ flowId: flowId(toUs), firstSeen: toUs - SECOND_US, lastSeen: toUs - 1000 },
    ...{ src: ip4(10, 250, 0, 1), dst: ip4(10, 250, 9, 2), srcPort: 40_000 + n, proto: 6, openerKnown: 1 },
    ...{ fwdPackets: 60, fwdSegments: 60, fwdBytes: 9000, revPackets: 40, revSegments: 40, revBytes: 70_000 },
    ...{ tcpState: 2, srcWorkload: 1, dstWorkload: 2, carried: 1 },
    ...flow,
  };
}

/** Version 7: the millisecond first. */
function flowId(us: number): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const ms = Math.floor(us / 1000) - 1000;
  new DataView(bytes.buffer).setUint16(0, Math.floor(ms / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, ms % 2 ** 32);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return bytes;
}
