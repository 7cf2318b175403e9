/**
 * Does what the plan says, step by step, each on its own: one endpoint that can't be attached keeps no other
 * waiting. Decides nothing.
 */
import { EndpointLimit, NetnsKind } from "@millrace/abi/generated/endpoint";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { deviceAtZero, deviceCounters, isEqual, readTotals } from "../telemetry/endpoint-baseline.ts";
import type { SocketSamples } from "../telemetry/socket-samples.ts";
import { addressBytes } from "./address.ts";
import { describeStep, type Step, type WantedInterface } from "./plan.ts";
import { type EndpointRegistry, type LiveEndpoint, NOBODY, placeOf } from "./registry.ts";

const QUIET_ATTEMPTS = 20;
const RETRY_MS = [500, 1000, 2000, 5000, 15_000];
const MEND_MS = 10_000;

export type ExecuteOptions = {
  dataplane: Dataplane;
  registry: EndpointRegistry;
  sockets: SocketSamples;
  hostNetns: string;
  nowMs: () => number;
  log: (line: string, error?: string) => void;
};

export class EndpointExecutor {
  readonly #o: ExecuteOptions;
  #mendAtMs = 0;
  #hooksOff: readonly string[] = [];
  constructor(options: ExecuteOptions) {
    this.#o = options;
  }

  run(steps: readonly Step[]): void {
    const touched = new Set<bigint>();
    for (const step of steps) {
      const endpoint = this.#run(step);
      if (endpoint) touched.add(endpoint.cookie);
    }
    for (const cookie of touched) this.#attempt(`namespace ${cookie}`, () => this.#setNamespace(cookie));
    for (const cookie of touched) this.#sampleSockets(cookie);
    if (touched.size > 0) this.#attempt("addresses", () => this.#setAddresses());
  }

  /** A full table costs drops their pod; it must not keep the rest from being done. */
  #attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#o.log(`the ${what} can't be told to the kernel`, (error as Error).message);
    }
  }

  /** After the endpoint's last report. */
  forget(endpoint: LiveEndpoint): void {
    this.#o.dataplane.forget(placeOf(endpoint));
    this.#o.sockets.forget(endpoint.id);
    this.#o.log(`forgot endpoint ${endpoint.id}`);
  }

  /** Ends counting everywhere; totals stay to be read. */
  detachAll(): void {
    for (const endpoint of this.#o.registry.all.values()) this.#o.dataplane.detach(placeOf(endpoint));
    this.#o.dataplane.barrier();
  }

  #run(step: Step): LiveEndpoint | undefined {
    if (step.do !== "refuse") this.#o.log(describeStep(step));
    if (step.do === "refuse") return undefined;
    const endpoint = step.do === "make" ? this.#make(step) : this.#o.registry.all.get(step.id);
    if (!endpoint) return undefined;
    if (step.do === "leave") this.#leave(endpoint);
    else {
      this.#take(endpoint, step.interface);
      if (step.do !== "update") this.#attach(endpoint);
    }
    return endpoint;
  }

  #make(step: { id: number; interface: WantedInterface }): LiveEndpoint {
    const { cookie, ifindex, name, addresses, port } = step.interface;
    const place = {
      ...{ cookie: BigInt(cookie), ifindex, interface: name, addresses },
      port: port && { cookie: BigInt(port.cookie), ifindex: port.ifindex },
    };
    return this.#o.registry.add(step.id, place, NOBODY);
  }
  #take(endpoint: LiveEndpoint, at: WantedInterface): void {
    endpoint.netns = at.netns;
    endpoint.leaving = false;
    endpoint.leavingPasses = 0;
    endpoint.state = { ...endpoint.state, interface: at.name, addresses: [...at.addresses] };
  }

  /** What somebody took off is put on again, if it was a filter: with a link nobody can. */
  mend(): void {
    if (this.#o.nowMs() < this.#mendAtMs) return;
    this.#mendAtMs = this.#o.nowMs() + MEND_MS;
    const { mended, off } = this.#o.dataplane.mendHooks();
    for (const hook of mended)
      this.#o.log("a hook was taken off by somebody and is on again; what passed is not counted", hook);
    for (const hook of off)
      if (!this.#hooksOff.includes(hook)) this.#o.log("a hook was taken off and can't be put on again", hook);
    this.#hooksOff = off;
  }
  /** Hooks that were off when last looked at, each with the reason. */
  get hooksOff(): readonly string[] {
    return this.#hooksOff;
  }

  #attach(endpoint: LiveEndpoint): void {
    const { id, netns = "" } = endpoint;
    const place = placeOf(endpoint);
    const hooked = place.port ? this.#o.hostNetns : netns;
    try {
      this.#o.dataplane.attach({ ...place, endpointId: id, netns: hooked });
      endpoint.attached = true;
      endpoint.failure = null;
      endpoint.attempts = 0;
      if (endpoint.state.device === null) this.#readDevice(endpoint, netns);
    } catch (error) {
      const wait = RETRY_MS[Math.min(endpoint.attempts++, RETRY_MS.length - 1)] as number;
      endpoint.attached = false;
      endpoint.retryAtMs = this.#o.nowMs() + wait;
      endpoint.failure = (error as Error).message;
      this.#o.log(`endpoint ${id} can't be attached, next try in ${wait} ms`, endpoint.failure);
    }
  }

  /** Interface and totals have to be read at one moment: they are when nothing passed in between. */
  #readDevice(endpoint: LiveEndpoint, netns: string): void {
    for (let attempt = 0; attempt < QUIET_ATTEMPTS; attempt++) {
      const before = this.#device(endpoint, netns);
      const totals = this.#totals(endpoint.id);
      const after = this.#device(endpoint, netns);
      if (!before || !after || !totals) return;
      const quiet = isEqual(before, after);
      const device = deviceAtZero(after, totals);
      endpoint.state = { ...endpoint.state, device, inexact: !quiet };
      if (quiet) return;
    }
  }
  #device(endpoint: LiveEndpoint, netns: string): number[] | undefined {
    const found = this.#o.dataplane.interfaces(netns).find((i) => i.ifindex === endpoint.state.ifindex);
    return found && deviceCounters(found.stats);
  }
  #totals(id: number): number[] | undefined {
    const { values, count, cpus, stride } = this.#o.dataplane.readEndpoints();
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let at = 0; at < count * cpus * stride; at += cpus * stride)
      if (view.getUint32(at, true) === id) return readTotals(view, at, cpus, stride);
    return undefined;
  }

  #leave(endpoint: LiveEndpoint): void {
    this.#o.dataplane.detach(placeOf(endpoint));
    endpoint.attached = false;
    endpoint.leaving = true;
    endpoint.netns = undefined;
  }

  #setNamespace(cookie: bigint): void {
    const here = [...this.#o.registry.all.values()].filter((e) => e.cookie === cookie && !e.leaving);
    if (here.length === 0) {
      this.#o.dataplane.removeNamespace(cookie);
      return;
    }
    const ids = here.map(({ id }) => id).slice(0, EndpointLimit.NETNS_ENDPOINTS);
    const endpointIds = Array.from({ length: EndpointLimit.NETNS_ENDPOINTS }, (_, i) => ids[i] ?? 0);
    this.#o.dataplane.setNamespace(cookie, {
      kind: NetnsKind.POD,
      endpointCount: ids.length,
      endpointIds,
    });
  }

  /** Connections that were open before: their sockets say what the programs haven't seen. */
  #sampleSockets(cookie: bigint): void {
    const here = [...this.#o.registry.all.values()].filter((e) => e.cookie === cookie && e.attached);
    const netns = here[0]?.netns;
    if (!netns) return;
    try {
      this.#o.sockets.add(
        this.#o.dataplane.sockets(netns),
        here.map(({ id }) => id),
      );
    } catch (error) {
      this.#o.log(`the sockets of namespace ${cookie} can't be listed`, (error as Error).message);
    }
  }

  #setAddresses(): void {
    this.#o.registry.indexAddresses();
    const all = [...this.#o.registry.all.values()].filter((endpoint) => !endpoint.leaving);
    const addresses = all.flatMap(({ id, state }) =>
      state.addresses.map((text) => ({ address: addressBytes(text), endpointId: id })),
    );
    this.#o.dataplane.setAddresses(
      addresses.filter((a): a is { address: Uint8Array; endpointId: number } => a.address !== undefined),
    );
  }
}
