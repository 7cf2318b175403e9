/**
 * The traces of this host: observe what the server wants, plan, execute. Level-triggered: a hint or a poll
 * reads everything anew, and with the server silent the sessions end by their leases.
 */
import type { DesiredTrace } from "@millrace/contract/agent-protocol";
import { TRACE_LIMITS, type TraceKind } from "@millrace/contract/trace-kind";
import type { ControlPlane } from "../connection/client.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { decodeEvent, type EventNames } from "./event.ts";
import { describeTraceStep, planTraces, type RunningTrace, type TraceStep } from "./plan.ts";
import { ReportQueue } from "./report-queue.ts";
import { configOf, scopeOf, type TracedPod } from "./scope.ts";
import { TraceSession } from "./session.ts";

export const TRACE_TICK_MS = 1000;

export type TracesOptions = {
  dataplane: Dataplane;
  client: Pick<ControlPlane, "desiredTraces" | "reportTrace" | "pushTrace">;
  names: EventNames;
  pods: () => readonly TracedPod[];
  hostCookie: bigint;
  unable: Partial<Record<TraceKind, string>>;
  nowMs: () => number;
  log: (line: string) => void;
};

export class Traces {
  readonly #o: TracesOptions;
  readonly #sessions = new Map<string, TraceSession>();
  /** Generations that were refused, by session: told once, though the server lists them until it has heard. */
  readonly #refused = new Map<string, number>();
  readonly #reports: ReportQueue;
  #looking: Promise<void> | undefined;
  #again = false;
  /** Events that never reached the server. */
  lostEvents = 0;

  constructor(options: TracesOptions) {
    this.#o = options;
    this.#reports = new ReportQueue((report) => options.client.reportTrace(report));
  }
  get running(): number {
    return [...this.#sessions.values()].filter((session) => !session.ended).length;
  }

  /** Asks the server what should run. Hints that come while one is asked make it ask once more. */
  look(): Promise<void> {
    if (this.#looking) this.#again = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Leases, rates, pods that came or went; how long until the next time. */
  tick(): number {
    const pods = this.#o.pods();
    for (const session of this.#sessions.values()) {
      session.tick(this.#o.nowMs());
      session.setScope(scopeOf(session.trace.spec.filter, pods, this.#o.hostCookie));
    }
    void this.#reports.drain();
    return TRACE_TICK_MS;
  }
  flush(): void {
    for (const session of this.#sessions.values()) void session.flush();
  }
  /** The agent ends: its traces end with it, and say so if the server listens. */
  async stop(): Promise<void> {
    const ending = [...this.#sessions.values()].map((session) =>
      session.stop("agent-lost", "the agent was stopped"),
    );
    await Promise.all(ending);
    await this.#reports.drain();
  }

  async #look(): Promise<void> {
    do {
      this.#again = false;
      const answer = await this.#o.client.desiredTraces();
      if (!answer.ok) return;
      const skewMs = this.#o.nowMs() - answer.value.serverTimeMs;
      const running = this.#known();
      const { unable } = this.#o;
      const limit = TRACE_LIMITS.sessionsPerHost;
      const steps = planTraces({ desired: answer.value.traces, running, limit, unable });
      for (const step of steps) await this.#run(step, skewMs);
    } while (this.#again);
  }

  /** A session's newest generation last, which is the one that the plan goes by. */
  #known(): RunningTrace[] {
    const sessions = [...this.#sessions.values()].map(({ trace, ended }) => ({
      ...{ id: trace.id, generation: trace.generation, ended },
    }));
    const refused = [...this.#refused].map(([id, generation]) => ({ id, generation, ended: true }));
    return [...sessions, ...refused];
  }
  #forget(id: string): void {
    if (!this.#sessions.delete(id)) this.#refused.delete(id);
  }

  async #run(step: TraceStep, skewMs: number): Promise<void> {
    this.#o.log(describeTraceStep(step));
    if (step.do === "forget") this.#forget(step.id);
    else if (step.do === "stop") {
      const stopped = this.#sessions.get(step.id)?.stop(step.end, null);
      if (step.end === "superseded") await stopped;
    } else if (step.do === "start") this.#start(step.trace, skewMs);
    else this.#refuse(step.trace, step.why);
  }

  #start(trace: DesiredTrace, skewMs: number): void {
    const { dataplane, names, client } = this.#o;
    const { id, spec } = trace;
    // Whatever the server's clock or mind: never longer than the session may run at all.
    const longest = this.#o.nowMs() + spec.leaseSeconds * 1000;
    const leaseEndsAtMs = Math.min(trace.leaseEndsAtMs + skewMs, longest);
    const session = new TraceSession({
      ...{ trace, leaseEndsAtMs },
      attach: (onRecords) => dataplane.trace(this.#request(trace, leaseEndsAtMs), { onRecords }),
      decode: (record, sequence) => {
        const event = decodeEvent(spec.kind, record, sequence, names);
        const wanted = spec.filter.container;
        return wanted && event?.container && event.container !== wanted ? undefined : event;
      },
      report: (report) => this.#reports.add(report),
      push: async (events, stats) => {
        const answer = await client.pushTrace({ id, events, stats });
        if (answer.ok) return "taken";
        return answer.kind === "refused" ? "refused" : "later";
      },
      onLost: (events) => {
        this.lostEvents += events;
      },
    });
    this.#refused.delete(id);
    this.#sessions.set(id, session);
    session.start();
  }

  #request(trace: DesiredTrace, leaseEndsAtMs: number) {
    const pods = this.#o.pods();
    const leftMs = Math.max(0, Math.round(leaseEndsAtMs - this.#o.nowMs()));
    const leaseEndsNs = this.#o.dataplane.clock().bootNs + BigInt(leftMs) * 1_000_000n;
    return {
      config: configOf(trace.spec, leaseEndsNs, pods),
      scope: scopeOf(trace.spec.filter, pods, this.#o.hostCookie),
    };
  }

  #refuse(trace: DesiredTrace, why: string): void {
    const { id, generation } = trace;
    this.#refused.set(id, generation);
    const stats = { seen: 0, emitted: 0, overRate: 0, ringFull: 0, undelivered: 0 };
    this.#reports.add({ id, generation, event: "refuse", end: "refused", detail: why, stats });
  }
}
