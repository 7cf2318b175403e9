/** Gathers what the heartbeat and the metrics say from the parts that know it. */

import { ObserverCount } from "@millrace/abi/generated/observer";
import type { Heartbeat, NetworkReport } from "@millrace/contract/agent-protocol";
import type { Incarnation } from "@millrace/contract/ids";
import type { Sender } from "../connection/sender.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { EndpointReconciler } from "../endpoint/reconcile.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Traces } from "../trace/traces.ts";
import type { Pod } from "../workload/pod.ts";
import { flowTableReport } from "./flow-table.ts";
import { gapsOf } from "./gaps.ts";
import { heartbeat } from "./heartbeat.ts";
import { Usage } from "./usage.ts";

export type ConditionOptions = {
  incarnation: Incarnation;
  dataplane: Dataplane;
  telemetry: Telemetry;
  reconciler: EndpointReconciler;
  sender: Sender;
  traces: Traces;
  /** Of the dataplane, its counts named by its parts; undefined in observe mode. */
  network: () => { counts: Record<string, number>; report(): NetworkReport } | undefined;
  skewMs: () => number;
  nowMs: () => number;
};
/** What is lost to the operator when a capability is absent. */
const NEEDED: Record<string, string> = {
  tracing: "drops, retransmits and live traces",
  sockops: "round-trip times at a connection's turns",
  cgroup2: "telling containers of one pod apart",
  iter: "sockets opened before the attach",
  kernel_symbols: "names for the places of drops",
  conntrack: "the other side of flows that this host's NAT translates",
};

export class Condition {
  readonly #o: ConditionOptions;
  readonly #usage: Usage;
  readonly #startedMs: number;

  constructor(options: ConditionOptions) {
    this.#o = options;
    this.#usage = new Usage(options.nowMs);
    this.#startedMs = options.nowMs();
  }

  read(): Heartbeat {
    const { incarnation, dataplane, telemetry, reconciler } = this.#o;
    return heartbeat({
      ...{ incarnation, dataplane, used: this.#used(), pods: this.#pods() },
      ...{ gaps: this.#gaps(), counters: this.#counters(), spool: telemetry.spool.stats() },
      network: this.#o.network()?.report() ?? null,
      flowTable: flowTableReport(dataplane, telemetry.registry.all),
      uptimeS: (this.#o.nowMs() - this.#startedMs) / 1000,
      ...this.#usage.read(),
      interfacesOf: (pod) => reconciler.interfacesOf(pod),
      endpoints: [...telemetry.registry.all.values()].filter((endpoint) => !endpoint.leaving),
    });
  }

  #used(): Record<string, number> {
    const translations = this.#o.network()?.counts["network.translations"];
    const flows = this.#o.telemetry.flowsUsed;
    return translations === undefined ? { flows } : { flows, translations };
  }

  /** A namespace that nobody claims and that has nothing but a loopback is some program's sandbox. */
  #pods(): readonly Pod[] {
    const { reconciler } = this.#o;
    const isReachable = (pod: Pod) => reconciler.interfacesOf(pod).some((link) => !link.loopback);
    return reconciler.pods.filter((pod) => pod.runtime !== "unknown" || isReachable(pod));
  }

  #gaps(): Heartbeat["gaps"] {
    const { reconciler, telemetry, dataplane } = this.#o;
    const all = [...dataplane.capabilities(), telemetry.translations.capability()];
    const absent = all.filter(({ supported }) => !supported);
    return gapsOf({
      pods: this.#pods(),
      loopbacks: this.#pods().filter((pod) =>
        reconciler.interfacesOf(pod).some((link) => link.loopback && link.up),
      ).length,
      refusedInterfaces: reconciler.refused.length,
      failedEndpoints: [...telemetry.registry.all.values()].filter(({ failure }) => failure !== null).length,
      hooksOff: telemetry.executor.hooksOff,
      leftBehind: [...telemetry.unknown, ...dataplane.moveLosses().unknown],
      missing: absent
        .filter(({ name }) => name in NEEDED)
        .map(({ name, reason }) => ({ what: NEEDED[name] as string, why: `${name}: ${reason ?? "absent"}` })),
    });
  }

  #counters(): Record<string, number> {
    const { dataplane, telemetry, sender, traces } = this.#o;
    const { counts, ringLost } = dataplane.observerCounts();
    const observed = Object.entries(ObserverCount).map(([name, index]) => [kernelName(name), counts[index]]);
    const events = dataplane.eventCounts();
    return {
      ...(Object.fromEntries(observed) as Record<string, number>),
      ...prefixed("telemetry", telemetry.counts),
      ...prefixed("batch", telemetry.batch.totals),
      ...prefixed("sender", sender.counts),
      ...prefixed("event", events),
      ...prefixed("conntrack", { ...telemetry.translations.counts, entries: telemetry.translations.entries }),
      ...this.#o.network()?.counts,
      "event.ringLost": ringLost,
      "clock.skewMs": this.#o.skewMs(),
      "spool.failures": telemetry.spool.failures,
      "spool.syncFailures": telemetry.spoolSync.failures,
      "trace.running": traces.running,
      "trace.lostEvents": traces.lostEvents,
    };
  }
}

const kernelName = (name: string): string => `kernel.${name.toLowerCase()}`;
const prefixed = (prefix: string, counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([name, value]) => [`${prefix}.${name}`, value]));
