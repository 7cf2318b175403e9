/**
 * The agent for Prometheus, and whether it is alive and ready: a small HTTP server on loopback. Labels are
 * bounded: no pod, address or port is ever one.
 */
import http from "node:http";
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

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
    collectDefaultMetrics({ register: this.#registry, prefix: "millrace_agent_" });
    this.#register();
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
      const text = await this.#registry.metrics();
      response.writeHead(200, { "content-type": this.#registry.contentType }).end(text);
    } else if (path === "/healthz") response.writeHead(200).end("ok\n");
    else if (path === "/readyz") {
      const why = this.#o.notReady();
      response.writeHead(why ? 503 : 200).end(why ? `${why}\n` : "ready\n");
    } else response.writeHead(404).end("not found\n");
  }

  #register(): void {
    this.#gauge("spool_batches", "Batches that wait for the server", (s) => s.spool.batches);
    this.#gauge("spool_bytes", "Bytes the spool holds on disk", (s) => s.spool.bytes);
    this.#gauge("pods", "Pods found on this host", (s) => s.pods.length);
    this.#gauge("cpu_share", "Share of one core", (s) => s.cpuShare);
    this.#labelled("map_used", "Entries of a BPF map in use", "map", (s) =>
      s.maps.filter(({ used }) => used !== null).map(({ name, used }) => [name, used as number]),
    );
    this.#labelled("counter", "The agent's own counters", "name", (s) => Object.entries(s.counters));
  }
  #gauge(name: string, help: string, read: (state: Heartbeat) => number): void {
    const { state } = this.#o;
    new Gauge({
      ...{ name: `millrace_agent_${name}`, help, registers: [this.#registry] },
      collect() {
        this.set(read(state()));
      },
    });
  }
  #labelled(
    name: string,
    help: string,
    label: string,
    read: (state: Heartbeat) => (readonly [string, number])[],
  ): void {
    const { state } = this.#o;
    new Gauge({
      ...{ name: `millrace_agent_${name}`, help, labelNames: [label], registers: [this.#registry] },
      collect() {
        for (const [value, number] of read(state())) this.set({ [label]: value }, number);
      },
    });
  }
}
