/**
 * Observe, plan, execute: pods and their interfaces against the endpoints there are. Everything is looked at
 * anew each time; nothing depends on having seen an event.
 */
import { EndpointLimit, NetnsKind } from "@millrace/abi/generated/endpoint";
import type { Dataplane, InterfaceFacts } from "../dataplane/dataplane.ts";
import type { Pod } from "../workload/pod.ts";
import type { EndpointExecutor } from "./execute.ts";
import { InterfaceReader } from "./interface-reader.ts";
import { plan, type Step, type WantedInterface } from "./plan.ts";
import type { EndpointRegistry, LiveEndpoint } from "./registry.ts";

/** As many as a report takes; of one pod. */
const MAX_ADDRESSES = 64;
const LIMITS = { limit: 1024, podLimit: 32, unclaimedLimit: 512 };

export type ReconcileOptions = {
  dataplane: Dataplane;
  registry: EndpointRegistry;
  executor: EndpointExecutor;
  hostNetns: string;
  hostCookie: bigint;
  /** Links that we made: theirs whatever runs in the pod, and before anything does. */
  attached: () => readonly WantedInterface[];
  nowMs: () => number;
};

export class EndpointReconciler {
  readonly #o: ReconcileOptions;
  readonly #interfaces: InterfaceReader;
  #print = "";
  pods: readonly Pod[] = [];
  /** Interfaces that are not observed, with the reason. */
  refused: Extract<Step, { do: "refuse" }>[] = [];

  constructor(options: ReconcileOptions) {
    this.#o = options;
    this.#interfaces = new InterfaceReader(options.dataplane, options.nowMs);
  }

  /** Calls when interfaces changed: then `run` again. */
  listen(onChange: () => void): void {
    this.#interfaces.listen(this.#o.hostNetns, onChange);
  }
  close(): void {
    this.#interfaces.close();
  }

  run(pods: readonly Pod[]): void {
    this.pods = pods;
    this.readHost();
    // What we made ourselves comes last: of two for the same interface the planner takes that.
    const wanted = [...pods.flatMap((pod) => this.#wanted(pod)), ...this.#o.attached()];
    const { registry, executor, nowMs } = this.#o;
    const actual = [...registry.all.values()].map((e) => ({
      ...{ id: e.id, cookie: String(e.cookie), ifindex: e.state.ifindex, name: e.state.interface },
      ...{ attached: e.attached, leaving: e.leaving, addresses: e.state.addresses, retryAtMs: e.retryAtMs },
    }));
    const steps = plan({ nowMs: nowMs(), nextId: registry.nextId, ...LIMITS, wanted, actual });
    this.refused = steps.filter((step) => step.do === "refuse");
    executor.run(steps);
    executor.mend();
    this.#name(pods, steps);
    this.#interfaces.keepOnly(new Set(pods.map(({ cookie }) => cookie)));
    for (const endpoint of registry.all.values()) this.#keepPath(endpoint, wanted);
    // What carried pods' packets until now goes when each has its own programs.
    if (![...registry.all.values()].some(isWithoutCarrier)) this.#o.dataplane.removeLeft();
    this.#o.dataplane.settle();
  }

  /** Only when something changed: this runs every second, and seldom finds news. */
  #name(pods: readonly Pod[], steps: readonly Step[]): void {
    const print = JSON.stringify(pods, (_, value) => (typeof value === "bigint" ? String(value) : value));
    if (print === this.#print && steps.length === 0) return;
    this.#print = print;
    this.#o.registry.setPods(pods);
  }

  interfacesOf(pod: Pod): readonly InterfaceFacts[] {
    return pod.cookie === undefined ? [] : this.#interfaces.of(pod.cookie);
  }

  /** The process whose path was used may have gone while the namespace lives on. */
  #keepPath(
    endpoint: { cookie: bigint; leaving: boolean; netns: string | undefined },
    wanted: readonly WantedInterface[],
  ): void {
    const at = wanted.find(({ cookie }) => cookie === String(endpoint.cookie));
    if (at && !endpoint.leaving) endpoint.netns = at.netns;
  }

  #wanted(pod: Pod): WantedInterface[] {
    const { cookie, netns } = pod;
    if (cookie === undefined || netns === undefined) return [];
    let room = MAX_ADDRESSES;
    return this.#interfaces
      .read(cookie, netns)
      .filter((link) => !link.loopback)
      .map(({ ifindex, name, addresses }) => {
        const own = addresses.slice(0, room);
        room -= own.length;
        const at = { cookie: String(cookie), netns, ifindex, name, addresses: own };
        return pod.runtime === "unknown" ? { ...at, unclaimed: true } : at;
      });
  }

  /** The host's namespace: drops in it may be of our pods' packets, and its addresses have a name. */
  readHost(): void {
    const interfaces = this.#interfaces.readHost(this.#o.hostNetns);
    if (!interfaces) return;
    const endpointIds = new Array<number>(EndpointLimit.NETNS_ENDPOINTS).fill(0);
    const info = { kind: NetnsKind.HOST, endpointCount: 0, endpointIds };
    this.#o.dataplane.setNamespace(this.#o.hostCookie, info);
    const addresses = interfaces.filter((link) => !link.loopback).flatMap((link) => link.addresses);
    this.#o.registry.setHostAddresses(addresses);
  }
}

const isWithoutCarrier = ({ state, attached, leaving }: LiveEndpoint): boolean =>
  Boolean(state.port) && !attached && !leaving;
