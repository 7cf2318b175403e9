/**
 * Counting put together: spool, baselines, endpoints and the interval's cycle over one dataplane, from the
 * recovery of an earlier life to the final read. Has no timers and no connection.
 */
import path from "node:path";
import type { Incarnation } from "@millrace/contract/ids";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { addressTextKey } from "../endpoint/address.ts";
import { EndpointExecutor } from "../endpoint/execute.ts";
import { EndpointRegistry, type LiveEndpoint } from "../endpoint/registry.ts";
import type { SpoolDisk } from "../spool/disk.ts";
import { Quarantine } from "../spool/quarantine.ts";
import { Spool } from "../spool/spool.ts";
import { SpoolSync } from "../spool/spool-sync.ts";
import { Translations } from "../translation/translations.ts";
import { adopt, type PodEndOf } from "./adopt.ts";
import { Baselines } from "./baselines.ts";
import { BatchBuilder } from "./batch.ts";
import { Cycle, type CycleResult, type LossCounter } from "./cycle.ts";
import { DropReasons } from "./drop-reasons.ts";
import { DropPass } from "./drops.ts";
import { EndpointReports } from "./endpoint-reports.ts";
import { FlowPass } from "./flows.ts";
import { accountFor, reportedIn } from "./left-behind.ts";
import { Symbols } from "./place.ts";
import { SocketSamples } from "./socket-samples.ts";
import { WallClock } from "./time.ts";

export type TelemetryOptions = {
  dataplane: Dataplane;
  stateDir: string;
  spoolLimit: number;
  segmentBytes?: number;
  disk?: SpoolDisk;
  bootId: string;
  hostNetns: string;
  /** Whether the host's connection tracking is to be read. */
  conntrack: boolean;
  incarnation: Incarnation;
  podEndOf: PodEndOf;
  nowMs: () => number;
  losses: () => LossCounter[];
  log: (line: string, error?: string) => void;
};

/** `adopted`: the kernel's maps may have counted already. */
type Start = { adopted: boolean; unknown: string[] };

export class Telemetry {
  readonly spool: Spool;
  readonly spoolSync: SpoolSync;
  readonly quarantine: Quarantine;
  readonly registry: EndpointRegistry;
  readonly executor: EndpointExecutor;
  readonly reasons: DropReasons;
  readonly symbols = new Symbols();
  readonly clock = new WallClock();
  readonly sockets = new SocketSamples();
  readonly batch: BatchBuilder;
  readonly translations: Translations;
  readonly adopted: boolean;
  /** Why an earlier life may have counted more than it and this one ever report. */
  readonly unknown: readonly string[];
  readonly #baselines: Baselines;
  readonly #cycle: Cycle;
  readonly #dataplane: Dataplane;
  #marked = false;
  readonly counts = { cycles: 0, failedCycles: 0, retiredFlows: 0, orphanFlows: 0 };

  constructor(options: TelemetryOptions) {
    const { dataplane, bootId, nowMs, log } = options;
    const baselines = new Baselines(dataplane.flowCapacity());
    this.#baselines = baselines;
    this.spool = this.#openSpool(options, baselines);
    this.spoolSync = new SpoolSync(this.spool, options.disk);
    this.quarantine = new Quarantine(path.join(options.stateDir, "refused"));
    this.registry = new EndpointRegistry(bootId);
    const { adopted, unknown } = this.#start(options, baselines);
    this.adopted = adopted;
    this.unknown = unknown;
    this.reasons = new DropReasons(dataplane.dropReasonValues());
    dataplane.setDropClasses(this.reasons.classes((functions) => this.symbols.rangesOf(functions)));
    this.#dataplane = dataplane;
    const begun = this.spool.begin();
    if (begun.ok) this.#markReported();
    else log("the spool can't be begun", begun.reason);
    const { registry, sockets } = this;
    this.translations = this.#makeTranslations(options);
    const { hostNetns } = options;
    this.executor = new EndpointExecutor({ dataplane, registry, sockets, hostNetns, nowMs, log });
    this.batch = new BatchBuilder({ spool: this.spool, baselines, nowMs });
    this.#cycle = this.#makeCycle(options, baselines);
  }

  /** Whether some flow of this host has that far end, or is translated to it; what there is, is looked up when it is first asked. */
  usedRemotes(): (address: string) => boolean {
    let remotes: ReadonlySet<string | number> | undefined;
    return (address) => {
      remotes ??= new Set([...this.#baselines.flows.remotes(), ...this.#baselines.translations.ends()]);
      return remotes.has(addressTextKey(address));
    };
  }
  get flowsUsed(): number {
    return this.#cycle.flowsUsed;
  }

  /** Of this life: flows that the kernel has not told of yet are reported with the totals that they are in. */
  lastCycle(): CycleResult {
    this.#cycle.readWholeNext();
    return this.cycle();
  }
  cycle(): CycleResult {
    const result = this.#cycle.run();
    this.counts.cycles++;
    if (!result.ok) this.counts.failedCycles++;
    else if (!this.#marked && this.batch.totals.batches > 0) this.#markReported();
    this.counts.retiredFlows += result.retired;
    this.counts.orphanFlows += result.orphans;
    return result;
  }

  /** Until the spool holds these maps' baselines, a later life may take all they counted as unreported. */
  #markReported(): void {
    this.#dataplane.markReported();
    this.#marked = true;
  }

  #openSpool(options: TelemetryOptions, baselines: Baselines): Spool {
    const { stateDir, incarnation, spoolLimit: limitBytes, segmentBytes, disk } = options;
    return new Spool({
      ...{ directory: path.join(stateDir, "spool"), incarnation, limitBytes },
      ...(segmentBytes ? { segmentBytes } : {}),
      ...(disk ? { disk } : {}),
      snapshot: () => baselines.snapshot(),
    });
  }

  /** Of another boot or another set of maps nothing that was stored holds. What is lost so is accounted for. */
  #start({ dataplane, bootId, log, podEndOf }: TelemetryOptions, baselines: Baselines): Start {
    const stored = this.spool.takeBaseline();
    const known = stored !== undefined && baselines.load(stored) && baselines.bootId === bootId;
    const { generation, adopted } = dataplane.start(known ? baselines.generation : undefined);
    const goesOn = adopted && known && generation === baselines.generation;
    if (!goesOn) baselines.clear();
    baselines.bootId = bootId;
    baselines.generation = generation;
    const left = dataplane.leftBehind();
    baselines.settled = left.map((maps) => maps.generation);
    if (adopted) adopt(dataplane, baselines, this.registry, podEndOf);
    if (goesOn && left.length === 0) return { adopted, unknown: [] };
    const { losses, unknown, lines } = accountFor({
      ...{ left, reported: reportedIn(stored), generation, bootId, unended: this.spool.unended },
    });
    this.spool.owe(losses);
    for (const line of lines) log("counting begins anew", line);
    return { adopted, unknown };
  }

  #makeTranslations({ dataplane, hostNetns, conntrack, nowMs }: TelemetryOptions): Translations {
    const isOwnPod = (words: Uint32Array, at: number) => this.registry.remote(words, at)?.kind === "pod";
    return new Translations({ dataplane, hostNetns, enabled: conntrack, isOwnPod, nowMs });
  }

  #makeCycle(options: TelemetryOptions, baselines: Baselines): Cycle {
    const { dataplane } = options;
    const { registry, batch, clock, reasons, symbols, translations: otherSides } = this;
    const refused = (): LossCounter => ({
      ...{ what: "conntrack-entries", name: "agent:conntrack-entries", value: otherSides.lost },
    });
    const moved = (): LossCounter[] => {
      const { packets, bytes } = dataplane.moveLosses();
      return [
        { what: "left-behind-packets", name: "agent:moved-packets", value: packets },
        { what: "left-behind-bytes", name: "agent:moved-bytes", value: bytes },
      ];
    };
    const losses = () => [refused(), ...moved(), ...options.losses()];
    const reports = new EndpointReports(baselines, registry.all);
    const { translations } = baselines;
    const common = { batch, identities: registry, clock, reasons, sockets: this.sockets, translations };
    return new Cycle({
      ...{ dataplane, baselines, batch, reports, clock, losses, endpoints: registry.all },
      refreshTranslations: () => otherSides.refresh(),
      flows: new FlowPass({
        ...common,
        ...{ otherSides, services: dataplane.services, baseline: baselines.flows, endpoints: reports },
      }),
      drops: new DropPass({ ...common, baseline: baselines.drops, symbols }),
      onGone: (endpoint) => this.executor.forget(endpoint as LiveEndpoint),
    });
  }
}
