/**
 * The agent's parts wired together and their rhythms: discovery, counting, sending, standing, traces. What
 * each part does is the part's own; here is only when.
 */
import { randomUUID } from "node:crypto";
import path from "node:path";
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { type ControlSignal, type HelloInput, PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import { Incarnation } from "@millrace/contract/ids";
import type { Logger } from "pino";
import { AttachmentStore } from "./attachment/record.ts";
import { Cadence } from "./cadence.ts";
import type { AgentConfig } from "./config.ts";
import { ControlPlane } from "./connection/client.ts";
import { CredentialFile } from "./connection/credential.ts";
import { Sender } from "./connection/sender.ts";
import { ConnectionSession } from "./connection/session.ts";
import { ControlWatch } from "./connection/watch.ts";
import type { Dataplane } from "./dataplane/dataplane.ts";
import { EndpointReconciler } from "./endpoint/reconcile.ts";
import { Condition } from "./health/condition.ts";
import { MetricsServer } from "./health/metrics.ts";
import { AGENT_VERSION, type HostFacts } from "./host-facts.ts";
import { PodNetwork, type PodNetworkOptions } from "./pod-network.ts";
import { Repeat } from "./repeat.ts";
import { Telemetry } from "./telemetry/telemetry.ts";
import { hostTraces } from "./trace/host-traces.ts";
import { TRACE_TICK_MS, type Traces } from "./trace/traces.ts";
import type { Cgroups } from "./workload/cgroup.ts";
import type { Runtime } from "./workload/container.ts";
import { PodFinder } from "./workload/pod-finder.ts";
import type { ProcessTable } from "./workload/process.ts";

const TRACE_POLL_MS = 5000;
const TRACE_FLUSH_MS = 100;
const IDLE_SEND_MS = 1000; // each interval nudges it
const SYNC_MS = 1000; // what a power cut may cost is twice that
const DRAIN_MS = 5000;
const NEVER_MS = 2 ** 31 - 1;

export type AgentOptions = {
  config: AgentConfig;
  dataplane: Dataplane;
  host: HostFacts;
  runtimes: readonly Runtime[];
  processes: ProcessTable;
  cgroups: Cgroups;
  /** As the dataplane, not only an observer. */
  podNetwork?: Pick<PodNetworkOptions, "links" | "uplink" | "masqueradePorts"> | undefined;
  log: Logger;
};

export class Agent {
  readonly #o: AgentOptions;
  readonly #log: Logger;
  readonly #incarnation = Incarnation.parse(randomUUID());
  readonly #client: ControlPlane;
  readonly #session: ConnectionSession;
  readonly #telemetry: Telemetry;
  readonly #finder: PodFinder;
  readonly #reconciler: EndpointReconciler;
  readonly #sender: Sender;
  readonly #traces: Traces;
  readonly #condition: Condition;
  readonly #watch: ControlWatch;
  readonly #network: PodNetwork | undefined;
  readonly #repeats: Record<
    "cycle" | "send" | "sync" | "session" | "network" | "tracePoll" | "traceTick" | "traceFlush",
    Repeat
  >;
  #metrics: MetricsServer | undefined;
  readonly #cadence: Cadence;

  constructor(options: AgentOptions) {
    this.#o = options;
    this.#log = options.log;
    const { config, dataplane, host } = options;
    this.#cadence = new Cadence(config.interval ?? 1000);
    this.#client = new ControlPlane(config.server);
    const hostCookie = dataplane.netnsCookie(config.hostNetns);
    const attachments = options.podNetwork && new AttachmentStore(path.join(config.stateDir, "attachments"));
    this.#telemetry = new Telemetry({
      ...{ dataplane, stateDir: config.stateDir, spoolLimit: config.spoolLimit, bootId: host.bootId },
      ...{ incarnation: this.#incarnation, nowMs: Date.now },
      ...{ hostNetns: config.hostNetns, conntrack: config.conntrack },
      podEndOf: ({ cookie, ifindex }) => (cookie === hostCookie ? attachments?.podEndOf(ifindex) : undefined),
      losses: () => [{ what: "trace-events", name: "agent:trace-events", value: this.#traces.lostEvents }],
      log: (line, error) => (error ? this.#log.warn({ error }, line) : this.#log.info(line)),
    });
    this.#network = attachments && this.#makeNetwork(hostCookie, attachments);
    this.#reconciler = new EndpointReconciler({
      ...{ dataplane, hostNetns: config.hostNetns, hostCookie, nowMs: Date.now },
      ...{ registry: this.#telemetry.registry, executor: this.#telemetry.executor },
      attached: () => this.#network?.wanted() ?? [],
    });
    this.#finder = this.#makeFinder(hostCookie);
    this.#traces = hostTraces({
      ...{
        dataplane,
        client: this.#client,
        hostCookie,
        telemetry: this.#telemetry,
        reconciler: this.#reconciler,
      },
      log: (line) => this.#log.info(line),
    });
    this.#sender = this.#makeSender();
    this.#condition = new Condition({
      ...{ incarnation: this.#incarnation, dataplane, telemetry: this.#telemetry, sender: this.#sender },
      ...{ reconciler: this.#reconciler, traces: this.#traces, nowMs: Date.now },
      network: () => this.#network,
      skewMs: () => this.#session.skewMs,
    });
    this.#session = this.#makeSession();
    this.#watch = new ControlWatch({
      client: this.#client,
      random: Math.random,
      on: (what) => this.#hint(what),
    });
    this.#repeats = this.#makeRepeats();
  }

  async start(): Promise<void> {
    const { config, dataplane } = this.#o;
    const { adopted, spool } = this.#telemetry;
    this.#log.info({ incarnation: this.#incarnation, adopted, waiting: spool.stats().batches }, "counting");
    if (config.metrics) await this.#serveMetrics(config.metrics);
    dataplane.onOpened(() => this.#early());
    this.#reconciler.listen(() => this.#finder.nudgeSoon());
    this.#finder.start();
    this.#reconciler.readHost(); // or the host's own addresses would be taken out of the tables
    await this.#network?.start();
    for (const repeat of Object.values(this.#repeats)) repeat.start();
  }

  /** Reads once more, tries to hand over what is spooled, lets go. What is pinned goes on counting. */
  async stop(): Promise<void> {
    const { dataplane, config } = this.#o;
    // A server that takes requests and never answers must not hold us beyond the supervisor's patience.
    const patience = setTimeout(() => this.#client.server.close(), DRAIN_MS);
    this.#watch.stop();
    await this.#network?.stop();
    this.#reconciler.close();
    await this.#finder.stop();
    await Promise.all(Object.values(this.#repeats).map((repeat) => repeat.stop()));
    await this.#traces.stop();
    if (config.detachOnExit) this.#telemetry.executor.detachAll();
    const { ok } = this.#telemetry.lastCycle();
    await this.#drain();
    await this.#metrics?.close();
    this.#telemetry.translations.close();
    if (ok) this.#telemetry.spool.end();
    await this.#telemetry.spoolSync.finish();
    this.#telemetry.spool.close();
    await dataplane.close({ remove: config.detachOnExit });
    clearTimeout(patience);
    this.#client.server.close();
    this.#log.info({ waiting: this.#telemetry.spool.stats().batches }, "ended");
  }

  #makeNetwork(hostCookie: bigint, attachments: AttachmentStore): PodNetwork | undefined {
    const { config, dataplane, podNetwork } = this.#o;
    if (!podNetwork) return undefined;
    return new PodNetwork({
      ...podNetwork,
      ...{ dataplane, attachments, client: this.#client, telemetry: this.#telemetry, hostCookie },
      ...{ stateDir: config.stateDir, cniSocket: config.cniSocket, hostNetns: config.hostNetns },
      pods: () => this.#reconciler.pods,
      isConnected: () => this.#session.isConnected,
      onChange: () => this.#repeats.network.nudge(),
      nowMs: Date.now,
      log: (line, error) => (error ? this.#log.warn({ error }, line) : this.#log.info(line)),
    });
  }

  #makeFinder(hostCookie: bigint): PodFinder {
    const { config, dataplane, runtimes, processes, cgroups } = this.#o;
    return new PodFinder({
      ...{ runtimes, processes, cgroups, hostCookie, sockets: config.runtimeSocket },
      netnsCookie: (path) => dataplane.netnsCookie(path),
      unclaimed: config.runtime.length === 0,
      onPods: (pods) => this.#reconciler.run(pods),
      onError: (what, error) => this.#failed(what, error),
    });
  }

  #makeSession(): ConnectionSession {
    const { config } = this.#o;
    return new ConnectionSession({
      ...{ client: this.#client, credential: new CredentialFile(config.stateDir) },
      ...{ hostName: config.hostName, tokenFile: config.enrolTokenFile },
      ...{ nowMs: Date.now, random: Math.random },
      hello: () => this.#hello(),
      heartbeat: () => this.#condition.read(),
      log: (level, text) => this.#log[level](text),
      onConnected: (intervalMs) => this.#connected(intervalMs),
    });
  }

  #makeSender(): Sender {
    return new Sender({
      spool: this.#telemetry.spool,
      keepAside: (batch, payload, reason) => this.#telemetry.quarantine.keep(batch, payload, reason),
      push: (payload, compressed) => this.#client.push(payload, compressed),
      ...{ nowMs: Date.now, random: Math.random },
      log: (level, text) => this.#log[level](text),
    });
  }

  #makeRepeats() {
    const repeat = (name: string, run: () => number | Promise<number>, failureMs = 1000) =>
      new Repeat({
        ...{ name, run, failureMs },
        onError: (what, error) => this.#failed(what, error),
      });
    return {
      cycle: repeat("counting", () => this.#count()),
      send: repeat("sending", () => this.#send()),
      sync: repeat("syncing", () => this.#sync()),
      session: repeat("standing", () => this.#session.step()),
      network: repeat("network", () => this.#network?.step() ?? NEVER_MS),
      tracePoll: repeat("trace poll", () => this.#pollTraces()),
      traceTick: repeat("trace tick", () => this.#traces.tick()),
      traceFlush: repeat("trace events", () => this.#flushTraces()),
    };
  }

  #failed(what: string, error: unknown): void {
    this.#log.error({ err: error }, `${what} failed`);
  }
  #count(): number {
    const startedMs = performance.now();
    const { ok } = this.#telemetry.cycle();
    if (!ok)
      this.#log.warn({ reason: this.#telemetry.spool.failure }, "nothing moves until the spool is writable");
    this.#repeats.send.nudge();
    return this.#cadence.read(startedMs, performance.now());
  }
  #early(): void {
    const waiting = this.#telemetry.spool.stats().batches;
    this.#repeats.cycle.within(this.#cadence.opened(performance.now(), waiting));
  }
  async #send(): Promise<number> {
    if (!this.#session.isConnected) return IDLE_SEND_MS;
    const wait = await this.#sender.step();
    if (this.#sender.trouble === "unauthorized") this.#session.lost();
    return wait ?? IDLE_SEND_MS;
  }
  async #sync(): Promise<number> {
    await this.#telemetry.spoolSync.step();
    return SYNC_MS;
  }
  async #pollTraces(): Promise<number> {
    return this.#session.isConnected ? this.#traces.look().then(() => TRACE_POLL_MS) : TRACE_POLL_MS;
  }
  #flushTraces(): number {
    this.#traces.flush();
    return this.#traces.running > 0 ? TRACE_FLUSH_MS : TRACE_TICK_MS;
  }

  #connected(intervalMs: number): void {
    if (this.#o.config.interval === undefined) this.#cadence.intervalMs = intervalMs;
    this.#watch.start();
    this.#repeats.send.nudge();
    this.#repeats.network.nudge();
    this.#repeats.tracePoll.nudge();
  }
  #hint(what: ControlSignal["what"]): void {
    if (what === "credential-revoked") this.#session.lost();
    else if (what === "traces") void this.#traces.look().then(() => this.#repeats.traceFlush.nudge());
    else this.#network?.hint(what);
  }

  #hello(): HelloInput {
    const { host, dataplane } = this.#o;
    return {
      ...{ protocol: PROTOCOL_VERSION, abiHash: ABI_HASH.toString(16), agentVersion: AGENT_VERSION },
      ...{ incarnation: this.#incarnation, ...host, simulated: false },
      mode: this.#network ? "dataplane" : "observe",
      capabilities: [...dataplane.capabilities(), this.#telemetry.translations.capability()],
    };
  }

  async #serveMetrics(at: { host: string; port: number }): Promise<void> {
    this.#metrics = new MetricsServer({
      ...at,
      state: () => this.#condition.read(),
      notReady: () =>
        this.#telemetry.spool.failure ?? (this.#telemetry.counts.cycles ? undefined : "starting"),
    });
    this.#log.info({ port: await this.#metrics.listen() }, "serving metrics");
  }

  async #drain(): Promise<void> {
    while (this.#session.isConnected && this.#telemetry.spool.oldest) {
      await this.#sender.step();
      if (this.#sender.trouble) return;
    }
  }
}
