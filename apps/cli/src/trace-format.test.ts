import type { TraceEventView } from "@millrace/contract/trace";
import { expect, test } from "vitest";
import { formatTraceEvent } from "./trace-format.ts";

const view = (comm: string): TraceEventView => ({
  id: "1",
  host: "h1",
  event: {
    kind: "drops",
    ...{ sequence: 1, at: 0, namespace: null, pod: "web", container: null, process: { pid: 7, comm } },
    tuple: { src: "10.0.0.1", dst: "10.0.0.2", srcPort: 1, dstPort: 2, proto: 6 },
    ...{ reason: "NO_SOCKET", class: "loss", place: "tcp_v4_rcv", stack: [], packetBytes: 40, headers: "" },
  },
});

test("a process that calls itself an escape sequence does not reach the terminal", () => {
  const line = formatTraceEvent(view("\u001b]0;x\u0007\u009b2J\n"));
  expect(line).toContain("web \\x1b]0;x\\x07\\x9b2J\\x0a[7]");
  expect(line).toMatch(/^\P{Cc}*$/u);
});
