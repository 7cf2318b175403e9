/**
 * Observe, plan, execute: pods and their interfaces against the endpoints there are. Everything is looked at
 * anew each time; nothing depends on having seen an event.
 */
import { EndpointLimit, NetnsKind } from "@millrace/abi/generated/endpoint";
import type { Dataplane, InterfaceFacts } from "../dataplane/dataplane.ts";
import type { Pod } from "../workload/pod.ts";
import type { EndpointExecutor } from "./execute.ts";
import { plan, type Step, type WantedInterface } from "./plan.ts";
import type { EndpointRegistry } from "./registry.ts";

/** A young pod's interfaces may still be on their way in. */
const YOUNG_MS = 10_000;
const YOUNG_READ_MS = 200;
const READ_MS = 5000;
/** As many as a report takes. */
const MAX_ADDRESSES = 64;
export const ENDPOINT_LIMIT = 1024;

export type ReconcileOptions = {
  dataplane: Dataplane;
  registry: EndpointRegistry;
  executor: EndpointExecutor;
  hostNetns: string;
  hostCookie: bigint;
  nowMs: () => number;
};
type Known = { since: number; readAt: number; interfaces: InterfaceFacts[] };

export class EndpointReconciler {
  readonly #o: ReconcileOptions;
  #known = new Map<bigint, Known>();
  #hostReadAt = Number.NEGATIVE_INFINITY;
  #print = "";
  pods: readonly Pod[] = [];
  /** Interfaces that are not observed, with the reason. */
  refused: Extract<Step, { do: "refuse" }>[] = [];

  constructor(options: ReconcileOptions) {
    this.#o = options;
  }

  run(pods: readonly Pod[]): void {
    this.pods = pods;
    this.#readHost();
    const wanted = pods.flatMap((pod) => this.#wanted(pod));
    const { registry, executor, nowMs } = this.#o;
    const actual = [...registry.all.values()].map((e) => ({
      ...{ id: e.id, cookie: String(e.cookie), ifindex: e.state.ifindex, name: e.state.interface },
      ...{ attached: e.attached, leaving: e.leaving, addresses: e.state.addresses, retryAtMs: e.retryAtMs },
    }));
    const input = { nowMs: nowMs(), nextId: registry.nextId, limit: ENDPOINT_LIMIT, wanted, actual };
    const steps = plan(input);
    this.refused = steps.filter((step) => step.do === "refuse");
    executor.run(steps);
    this.#name(pods, steps);
    this.#forget(pods);
    for (const endpoint of registry.all.values()) this.#keepPath(endpoint, wanted);
  }

  /** Only when something changed: this runs every second, and seldom finds news. */
  #name(pods: readonly Pod[], steps: readonly Step[]): void {
    const print = JSON.stringify(pods, (_, value) => (typeof value === "bigint" ? String(value) : value));
    if (print === this.#print && steps.length === 0) return;
    this.#print = print;
    this.#o.registry.setPods(pods);
  }

  interfacesOf(pod: Pod): readonly InterfaceFacts[] {
    return (pod.cookie !== undefined && this.#known.get(pod.cookie)?.interfaces) || [];
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
    return this.#interfaces(cookie, netns)
      .filter((link) => !link.loopback)
      .map(({ ifindex, name, addresses }) => ({
        ...{ cookie: String(cookie), netns, ifindex, name },
        addresses: addresses.slice(0, MAX_ADDRESSES),
      }));
  }

  #interfaces(cookie: bigint, netns: string): readonly InterfaceFacts[] {
    const now = this.#o.nowMs();
    const known = this.#known.get(cookie) ?? { since: now, readAt: Number.NEGATIVE_INFINITY, interfaces: [] };
    const wait = now - known.since < YOUNG_MS ? YOUNG_READ_MS : READ_MS;
    if (now - known.readAt >= wait) {
      known.interfaces = this.#read(netns) ?? known.interfaces;
      known.readAt = now;
    }
    this.#known.set(cookie, known);
    return known.interfaces;
  }

  #read(netns: string): InterfaceFacts[] | undefined {
    try {
      return this.#o.dataplane.interfaces(netns);
    } catch {
      return undefined; // the namespace went; discovery will say so
    }
  }

  /** The host's namespace: drops in it may be of our pods' packets, and its addresses have a name. */
  #readHost(): void {
    const now = this.#o.nowMs();
    if (now - this.#hostReadAt < READ_MS) return;
    this.#hostReadAt = now;
    const endpointIds = new Array<number>(EndpointLimit.NETNS_ENDPOINTS).fill(0);
    const info = { kind: NetnsKind.HOST, endpointCount: 0, endpointIds };
    this.#o.dataplane.setNamespace(this.#o.hostCookie, info);
    const addresses = this.#read(this.#o.hostNetns)?.filter((link) => !link.loopback) ?? [];
    this.#o.registry.setHostAddresses(addresses.flatMap((link) => link.addresses));
  }

  #forget(pods: readonly Pod[]): void {
    const present = new Set(pods.map(({ cookie }) => cookie));
    for (const cookie of this.#known.keys()) if (!present.has(cookie)) this.#known.delete(cookie);
  }
}
