/**
 * The endpoints' totals of this interval and their reports. A report goes into the first batch that needs
 * it and then says nothing new in later ones of the same interval, because the baseline has moved by then.
 */

import type { Baselines } from "./baselines.ts";
import type { BatchBuilder } from "./batch.ts";
import {
  DEVICE_COUNTERS,
  deviceDelta,
  type EndpointState,
  INEXACT_NOTE,
  isEqual,
  TOTALS,
  totalsDelta,
  zeros,
} from "./endpoint-baseline.ts";
import type { FlowEndpoint, FlowEndpoints } from "./flows.ts";

/** An endpoint as the agent has it now; `endpoint/` keeps them. */
export type ReportedEndpoint = FlowEndpoint & {
  /** Names, addresses, workload; its counters are those at the last restart and not used. */
  state: EndpointState;
};

export class EndpointReports implements FlowEndpoints {
  readonly #baselines: Baselines;
  readonly #endpoints: ReadonlyMap<number, ReportedEndpoint>;
  #totals = new Map<number, number[]>();
  #devices = new Map<number, number[]>();

  constructor(baselines: Baselines, endpoints: ReadonlyMap<number, ReportedEndpoint>) {
    this.#baselines = baselines;
    this.#endpoints = endpoints;
  }

  /** The kernel's totals as just read, and the interfaces' counters of those that could be read. */
  begin(totals: Map<number, number[]>, devices: Map<number, number[]>): void {
    this.#totals = totals;
    this.#devices = devices;
    for (const endpoint of this.#endpoints.values()) endpoint.flows = 0;
  }
  get(id: number): FlowEndpoint | undefined {
    return this.#endpoints.get(id);
  }
  number(id: number, batch: BatchBuilder): number {
    return batch.endpointNumber(id) ?? this.#add(this.#endpoints.get(id) as ReportedEndpoint, batch);
  }

  /** Those whose counters moved without any flow of theirs being in the batch. False when the spool refused. */
  addChanged(batch: BatchBuilder): boolean {
    for (const endpoint of this.#endpoints.values()) {
      if (batch.endpointNumber(endpoint.id) !== undefined || !this.#hasChanged(endpoint)) continue;
      if (batch.full && !batch.commit()) return false;
      this.#add(endpoint, batch);
    }
    return true;
  }

  /** True while the kernel's totals differ from what has been reported. */
  totalsMoved(id: number, totals: readonly number[]): boolean {
    const before = this.#baselines.endpoints.get(id);
    return before ? !isEqual(before.totals, totals) : true;
  }

  #hasChanged(endpoint: ReportedEndpoint): boolean {
    const before = this.#baselines.endpoints.get(endpoint.id);
    const next = this.#next(endpoint, before);
    if (!before) return true;
    return (
      !isEqual(before.totals, next.totals) ||
      !isEqual(before.device ?? [], next.device ?? []) ||
      !isEqual(before.addresses, next.addresses)
    );
  }

  #add(endpoint: ReportedEndpoint, batch: BatchBuilder): number {
    const before = this.#baselines.endpoints.get(endpoint.id);
    const next = this.#next(endpoint, before);
    const start = before?.device ?? this.#deviceStart(endpoint.id, endpoint.state);
    const counts = totalsDelta(before?.totals ?? zeros(TOTALS), next.totals);
    const device = deviceDelta(start, next.device ?? start);
    const notes = next.inexact && !before?.inexact ? { ...counts.notes, [INEXACT_NOTE]: 1 } : counts.notes;
    return batch.addEndpoint(next, { ...counts, notes, device });
  }

  /** What the baseline will be once this is reported. */
  #next(endpoint: ReportedEndpoint, before: EndpointState | undefined): EndpointState {
    const totals = this.#totals.get(endpoint.id) ?? before?.totals ?? zeros(TOTALS);
    const device = this.#devices.get(endpoint.id) ?? before?.device ?? endpoint.state.device;
    return { ...endpoint.state, totals, device };
  }

  #deviceStart(id: number, state: EndpointState): number[] {
    return state.device ?? this.#devices.get(id) ?? zeros(DEVICE_COUNTERS);
  }
}
