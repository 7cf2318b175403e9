/**
 * Observes a pair of namespaces on the running kernel, over the end of one life and into the next, and prints what was
 * counted as a line of JSON: tools/vm runs it where programs come to devices otherwise than here. Tests only.
 */
import { fileURLToPath } from "node:url";
import { links, netnsCookie } from "@millrace/native/native";
import { LibbpfDataplane } from "../dataplane/libbpf-dataplane.ts";
import { isCapable } from "../dataplane/probe.ts";
import { INGRESS, readTotals } from "../telemetry/endpoint-baseline.ts";
import { FlowTable } from "../telemetry/flow-table.ts";
import { TestLink } from "./link.ts";

const open = () =>
  new LibbpfDataplane({
    bpfDirectory: fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url)),
    pinDirectory: `/sys/fs/bpf/observe-print-${process.pid}`,
    ...{ flowCapacity: 64, flowBudget: 64, hostNetns: "/proc/self/ns/net" },
  });

function packets(plane: LibbpfDataplane): { endpoint: number; flows: number } {
  const { values, cpus, stride } = plane.readEndpoints();
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const totals = readTotals(view, 0, cpus, stride);
  const table = new FlowTable(plane.readFlows());
  const each = Array.from({ length: table.count }, (_, i) => table.counter(i, 0) + table.counter(i, 3));
  return {
    endpoint: (totals[0] ?? 0) + (totals[INGRESS] ?? 0),
    flows: each.reduce((sum, one) => sum + one, 0),
  };
}

const pair = new TestLink("vm");
try {
  const ifindex = links(pair.podNetns).find(({ name }) => name === "eth0")?.ifindex ?? 0;
  const point = { cookie: netnsCookie(pair.podNetns), ifindex, netns: pair.podNetns, endpointId: 7 };
  const first = open();
  const capabilities = first.capabilities();
  const { generation } = first.start(undefined);
  first.attach(point);
  first.markReported();
  pair.ping(2);
  await first.close({ remove: false });
  pair.ping(3);
  const second = open();
  const { adopted } = second.start(generation);
  second.attach(point);
  pair.ping(1);
  const counted = packets(second);
  await second.close({ remove: true });
  pair.ping(1);
  const able = (name: string) => isCapable(capabilities, name);
  console.log(JSON.stringify({ tcx: able("tcx"), by: first.hookKind, adopted, counted }));
} finally {
  pair.remove();
}
