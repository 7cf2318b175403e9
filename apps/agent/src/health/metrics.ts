/**
 * The agent for Prometheus, and whether it is alive and ready: a small HTTP server on loopback. Labels are
 * bounded: no pod, address or port is ever one.
 */
import http from "node:http";
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

const PREFIX = "millrace_agent_";
/** Gauges that prom-client names like counters: Prometheus' own check refuses them, and each has a twin by type. */
const MISNAMED = ["handles", "requests", "resources"];
/** Of the heartbeat's counters those that also go down. */
const LEVELS: Record<string, { name: string; help: string; scale: number }> = {
  "clock.skewMs": { name: "clock_skew_seconds", help: "How far this host's clock is ahead", scale: 1e-3 },
  "conntrack.entries": { name: "conntrack_entries", help: "Translations known of the host's NAT", scale: 1 },
  "policy.policies": { name: "policies", help: "Policies that select an endpoint of this host", scale: 1 },
  "policy.classes": { name: "policy_classes", help: "Prefixes that policies tell apart", scale: 1 },
  "policy.entries": { name: "policy_entries", help: "Entries of the rulesets in use", scale: 1 },
  "policy.judgements": { name: "policy_judgements", help: "Pairs of ends the kernel can judge", scale: 1 },
  "policy.peers": { name: "policy_peers", help: "Identities known to policy", scale: 1 },
  "policy.revision": { name: "policy_revision", help: "Newest change of documents in force here", scale: 1 },
  "network.routes": { name: "routes_known", help: "Addresses elsewhere this host was told of", scale: 1 },
  "network.translations": { name: "translations", help: "Flows under the host's own address", scale: 1 },
  "service.known": { name: "services_known", help: "Virtual addresses this host was told of", scale: 1 },
  "service.backendsOut": {
    name: "service_backends_out",
    help: "Backends that fail: nothing new goes to them",
    scale: 1,
  },
  "trace.running": { name: "traces_running", help: "Trace sessions under way", scale: 1 },
};

export type MetricsOptions = {
  host: string;
  port: number;
  state: () => Heartbeat;
  /** Why it is not ready; undefined when it is. */
  notReady: () => string | undefined;
};

export class MetricsServer {
  readonly #o: MetricsOptions;
  readonly #registry = new Registry();
  readonly #server: http.Server;

  constructor(options: MetricsOptions) {
    this.#o = options;
    collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
    for (const what of MISNAMED) this.#registry.removeSingleMetric(`${PREFIX}nodejs_active_${what}_total`);
    this.#server = http.createServer((request, response) => {
      // What can't be read just now, while the agent ends for one, is no reason to end for.
      this.#answer(request, response).catch((error: Error) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(`${error.message}\n`);
      });
    });
    this.#server.requestTimeout = 10_000;
  }

  /** The port it listens on. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#o.port, this.#o.host, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address ? address.port : this.#o.port);
      });
    });
  }
  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const path = request.url?.split("?")[0];
    if (path === "/metrics") {
      this.#read();
      const text = await this.#registry.metrics();
      response.writeHead(200, { "content-type": this.#registry.contentType }).end(text);
    } else if (path === "/healthz") response.writeHead(200).end("ok\n");
    else if (path === "/readyz") {
      const why = this.#o.notReady();
      response.writeHead(why ? 503 : 200).end(why ? `${why}\n` : "ready\n");
    } else response.writeHead(404).end("not found\n");
  }

  /** One reading for the whole scrape. */
  #read(): void {
    const { spool, pods, cpuShare, maps, counters, flowTable } = this.#o.state();
    this.#gauge("spool_batches", "Batches that wait for the server").set(spool.batches);
    this.#gauge("spool_bytes", "Bytes the spool holds on disk").set(spool.bytes);
    this.#gauge("pods", "Pods found on this host").set(pods.length);
    this.#gauge("cpu_share", "Share of one core").set(cpuShare);
    const entries = this.#gauge("map_used", "Entries of a BPF map in use", ["map"]);
    for (const { name, used } of maps) if (used !== null) entries.set({ map: name }, used);
    if (flowTable) {
      this.#gauge("flow_budget", "Flows that one endpoint may hold").set(flowTable.budget);
      const most = flowTable.holders[0]?.flows ?? 0;
      this.#gauge("flow_holder_most", "Flows of the endpoint that holds most").set(most);
    }
    for (const [name, value] of Object.entries(counters)) this.#count(name, value);
  }
  /** Set and not added to: the sum is kept by whoever counts, and begins at zero with each life as it must. */
  #count(name: string, value: number): void {
    const level = LEVELS[name];
    if (level) {
      this.#gauge(level.name, level.help).set(value * level.scale);
      return;
    }
    const counter = this.#metric(
      `${snake(name)}_total`,
      (at) => new Counter({ ...at, help: `${name} of the agent's own counters, see the host page` }),
    );
    counter.reset();
    counter.inc(value);
  }
  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return this.#metric(name, (at) => new Gauge({ ...at, help, labelNames }));
  }
  #metric<M extends Gauge | Counter>(
    name: string,
    make: (at: { name: string; registers: Registry[] }) => M,
  ): M {
    const full = PREFIX + name;
    const known = this.#registry.getSingleMetric(full) as M | undefined;
    return known ?? make({ name: full, registers: [this.#registry] });
  }
}

/** batch.flowRows is batch_flow_rows. */
const snake = (name: string): string =>
  name.replaceAll(".", "_").replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
