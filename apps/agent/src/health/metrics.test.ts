import type { Heartbeat } from "@millrace/contract/agent-protocol";
import { Incarnation } from "@millrace/contract/ids";
import { describe, expect, onTestFinished, test } from "vitest";
import { MetricsServer } from "./metrics.ts";

const COUNTERS = { "sender.pushed": 4, "batch.flowRows": 7, "clock.skewMs": -250, "trace.running": 1 };
const STATE: Heartbeat = {
  ...{ incarnation: Incarnation.parse("11111111-1111-4111-8111-111111111111"), uptimeS: 1, cpuShare: 0.25 },
  ...{ residentBytes: 1, programs: [], pods: [], gaps: [], counters: COUNTERS },
  maps: [{ name: "flows", type: "hash", used: 12, capacity: 64, bytes: 1 }],
  spool: { batches: 3, bytes: 99, limitBytes: 1000, oldestMs: null },
  network: null,
  flowTable: {
    ...{ budget: 32, endpoints: 1 },
    holders: [{ namespace: "shop", pod: "web-1", interface: "eth0", flows: 9 }],
  },
};

async function serving(notReady: () => string | undefined, state = () => STATE) {
  const server = new MetricsServer({ host: "127.0.0.1", port: 0, state, notReady });
  const port = await server.listen();
  onTestFinished(() => server.close());
  return async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
}

describe("metrics", () => {
  test("say what the heartbeat says, with no label that grows with the traffic", async () => {
    const get = await serving(() => undefined);
    const { text } = await get("/metrics");
    expect(text).toContain("millrace_agent_spool_batches 3");
    expect(text).toContain('millrace_agent_map_used{map="flows"} 12');
    expect(text).toContain("millrace_agent_cpu_share 0.25");
    expect(text).toContain("millrace_agent_flow_budget 32");
    expect(text).toContain("millrace_agent_flow_holder_most 9");
    expect(text).not.toContain("web-1");
  });

  test("what only grows is a counter and named like one, what also falls is a gauge and isn't", async () => {
    let { counters } = STATE;
    const get = await serving(
      () => undefined,
      () => ({ ...STATE, counters }),
    );
    const first = (await get("/metrics")).text;
    expect(first).toContain(
      "# TYPE millrace_agent_sender_pushed_total counter\nmillrace_agent_sender_pushed_total 4\n",
    );
    expect(first).toContain("millrace_agent_batch_flow_rows_total 7");
    expect(first).toContain(
      "# TYPE millrace_agent_clock_skew_seconds gauge\nmillrace_agent_clock_skew_seconds -0.25\n",
    );
    expect(first).toContain("millrace_agent_traces_running 1");
    counters = { ...counters, "sender.pushed": 9 };
    const { text } = await get("/metrics");
    expect(text).toContain("millrace_agent_sender_pushed_total 9");
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type] as const);
    expect(types.filter(([name, type]) => name?.endsWith("_total") !== (type === "counter"))).toEqual([]);
    expect(types.filter(([name]) => /[A-Z]/.test(name as string))).toEqual([]);
  });

  test("it is healthy while it answers, ready when it counts, and says why it isn't", async () => {
    let why: string | undefined = "the spool can't be written";
    const get = await serving(() => why);
    expect(await get("/healthz")).toEqual({ status: 200, text: "ok\n" });
    expect(await get("/readyz")).toEqual({ status: 503, text: "the spool can't be written\n" });
    why = undefined;
    expect((await get("/readyz")).status).toBe(200);
    expect((await get("/elsewhere")).status).toBe(404);
  });

  test("a state that can't be read is a scrape that failed, and the agent lives on", async () => {
    const broken = (): never => {
      throw new Error("map_lookup flows: ECLOSED");
    };
    const get = await serving(() => undefined, broken);
    expect(await get("/metrics")).toEqual({ status: 500, text: "map_lookup flows: ECLOSED\n" });
    expect((await get("/healthz")).status).toBe(200);
  });
});
