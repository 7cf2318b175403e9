/** The fleet and its hosts as pages show them. Whether a host is well is host/'s to say. */
import { Heartbeat, HelloInput } from "@millrace/contract/agent-protocol";
import { AppError } from "@millrace/contract/error";
import type { TimeRange } from "@millrace/contract/flow";
import { holderName } from "@millrace/contract/flow-table";
import type { HostDetail, HostSummary } from "@millrace/contract/host";
import { type Buckets, bucketsOf } from "../bucket.ts";
import { findGaps, hostPresence } from "../host/service.ts";
import * as repo from "./repo.ts";

type Presences = Awaited<ReturnType<typeof hostPresence>>;
/** What an agent said in an older form counts as not said. */
const helloOf = (row: repo.HostRow): HelloInput | null => HelloInput.safeParse(row.hello).data ?? null;
const heartbeatOf = (row: repo.HostRow): Heartbeat | null => Heartbeat.safeParse(row.heartbeat).data ?? null;

export async function listHosts(): Promise<HostSummary[]> {
  const [rows, presences] = await Promise.all([repo.findHosts(null), hostPresence()]);
  return rows.map((row) => summaryOf(row, presences));
}

function summaryOf(row: repo.HostRow, presences: Presences): HostSummary {
  const hello = helloOf(row);
  const heartbeat = heartbeatOf(row);
  const presence = presences.get(row.name);
  const flows = heartbeat?.maps.find((map) => map.name === "flows");
  return {
    name: row.name,
    state: presence?.state ?? "unknown",
    reasons: [...(presence?.reasons ?? [])],
    kernel: hello?.kernel ?? "",
    agentVersion: hello?.agentVersion ?? "",
    mode: hello?.mode ?? "",
    simulated: hello?.simulated ?? false,
    lastSeenMs: row.lastSeenMs,
    pods: heartbeat?.pods.filter((pod) => pod.state === "covered").length ?? 0,
    flowsPerSecond: row.flows / repo.RATE_S,
    bytesPerSecond: row.bytes / repo.RATE_S,
    dropsPerSecond: row.drops / repo.RATE_S,
    cpuShare: heartbeat?.cpuShare ?? null,
    residentBytes: heartbeat?.residentBytes ?? null,
    flowTableShare: flows?.capacity && flows.used !== null ? flows.used / flows.capacity : null,
    topHolder: topHolderOf(heartbeat),
  };
}

function topHolderOf(heartbeat: Heartbeat | null): HostSummary["topHolder"] {
  const table = heartbeat?.flowTable;
  const [top] = table?.holders ?? [];
  return table && top ? { name: holderName(top), flows: top.flows, budget: table.budget } : null;
}

export async function getHost(name: string, range: TimeRange): Promise<HostDetail> {
  const [[row], presences] = await Promise.all([repo.findHosts(name), hostPresence()]);
  if (!row) {
    const publicMessage = `There is no host “${name}”`;
    throw new AppError("NOT_FOUND", `no host ${name}`, { publicMessage });
  }
  const cut = bucketsOf(range);
  const [endpoints, losses, line, gaps, incarnations] = await Promise.all([
    repo.findEndpoints(row.id, range.from, range.to),
    repo.findLosses(row.id, range.from, range.to),
    lineOf(row.id, cut),
    findGaps(cut, row.id),
    repo.findIncarnations(row.id),
  ]);
  const hello = helloOf(row);
  return {
    summary: summaryOf(row, presences),
    bootId: hello?.bootId ?? "",
    architecture: hello?.architecture ?? "",
    cpus: hello?.cpus ?? 0,
    memoryBytes: hello?.memoryBytes ?? 0,
    enrolledAtMs: row.enrolledAtMs,
    capabilities: hello?.capabilities ?? [],
    heartbeat: heartbeatOf(row),
    ...{ endpoints, losses, bucketMs: cut.bucketMs, line, gaps, incarnations },
  };
}

/** Traffic and drops per second, and what the agent itself took; null where it said nothing. */
async function lineOf(hostId: number, cut: Buckets): Promise<HostDetail["line"]> {
  const [traffic, usage] = await Promise.all([repo.findLine(hostId, cut), repo.findUsage(hostId, cut)]);
  const byBucket = <Row extends { bucket: number }>(rows: Row[]) =>
    new Map(rows.map((row) => [row.bucket, row]));
  const [moved, cost] = [byBucket(traffic), byBucket(usage)];
  const seconds = cut.bucketMs / 1000;
  return Array.from({ length: cut.count }, (_, i) => ({
    at: cut.fromMs + i * cut.bucketMs,
    bytes: (moved.get(i)?.bytes ?? 0) / seconds,
    drops: (moved.get(i)?.drops ?? 0) / seconds,
    cpuShare: cost.get(i)?.cpuShare ?? null,
    residentBytes: cost.get(i)?.residentBytes ?? null,
  }));
}
