/**
 * The endpoints of this host as the agent has them, and who stands behind an endpoint, a cgroup or an
 * address. Changes the kernel nowhere: execute.ts does.
 */
import type { Workload } from "@millrace/contract/batch";
import { endpointSeed } from "@millrace/contract/flow-id";
import type { EndpointPlace, HeldPlace } from "../dataplane/place.ts";
import type { CycleEndpoint } from "../telemetry/cycle.ts";
import { type EndpointState, TOTALS, zeros } from "../telemetry/endpoint-baseline.ts";
import { aligned } from "../telemetry/flow-baseline.ts";
import type { Identities } from "../telemetry/identities.ts";
import type { Pod } from "../workload/pod.ts";
import { PodWorkloads } from "../workload/pod.ts";
import { addressKey, addressTextKey } from "./address.ts";

export type LiveEndpoint = CycleEndpoint & {
  cookie: bigint;
  attached: boolean;
  /** Why the last attach failed. */
  failure: string | null;
  attempts: number;
  retryAtMs: number;
  /** Undefined for an endpoint whose pod was gone when the agent started. */
  workloads: PodWorkloads | undefined;
};
export type Place = EndpointPlace & { interface: string; addresses: readonly string[] };

/** Where the kernel counts an endpoint. */
export function placeOf({ id, cookie, state }: LiveEndpoint): HeldPlace {
  const { ifindex, port } = state;
  return {
    endpointId: id,
    cookie,
    ifindex,
    port: port ? { cookie: BigInt(port.cookie), ifindex: port.ifindex } : undefined,
  };
}

const HOST: Workload = Object.freeze({
  ...{ kind: "host" as const, namespace: null, pod: null, container: null, service: null },
  ...{ labels: {}, runtime: null, unknown: null },
});
export const NOBODY: Workload = Object.freeze({
  ...{ kind: "pod" as const, namespace: null, pod: null, container: null, service: null },
  ...{ labels: {}, runtime: null, unknown: "its container was gone when the agent started" },
});

export class EndpointRegistry implements Identities {
  readonly all = new Map<number, LiveEndpoint>();
  readonly #bootId: string;
  #nextId = 1;
  #pods = new Map<bigint, PodWorkloads>();
  #addresses = new Map<string | number, Workload | null>();
  #hostAddresses: readonly string[] = [];

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  get nextId(): number {
    return this.#nextId;
  }
  uid(place: Pick<Place, "cookie" | "ifindex">): string {
    return `${this.#bootId}:${place.cookie}:${place.ifindex}`;
  }

  /** An identifier that something in the kernel still bears. */
  reserve(id: number): void {
    this.#nextId = Math.max(this.#nextId, id + 1);
  }
  add(id: number, place: Place, workload: Workload): LiveEndpoint {
    const uid = this.uid(place);
    const state: EndpointState = {
      ...{ id, uid, cookie: String(place.cookie), ifindex: place.ifindex, interface: place.interface },
      port: place.port ? { cookie: String(place.port.cookie), ifindex: place.port.ifindex } : null,
      ...{ addresses: [...place.addresses], workload, totals: zeros(TOTALS), device: null, inexact: false },
    };
    return this.#put(state, this.#pods.get(place.cookie));
  }
  /** An endpoint the kernel counted before this life began; its pod is found again by the next sweep. */
  restore(state: EndpointState): LiveEndpoint {
    return this.#put(state, undefined);
  }

  /** Names and labels as the runtimes tell them now. */
  setPods(pods: readonly Pod[]): void {
    const known = pods.filter((pod) => pod.cookie !== undefined);
    this.#pods = new Map(known.map((pod) => [pod.cookie as bigint, new PodWorkloads(pod)]));
    for (const endpoint of this.all.values()) {
      const workloads = this.#pods.get(endpoint.cookie);
      if (!workloads) continue;
      endpoint.workloads = workloads;
      endpoint.state.workload = workloads.pod;
    }
    this.indexAddresses();
  }
  get hostAddresses(): readonly string[] {
    return this.#hostAddresses;
  }
  setHostAddresses(addresses: readonly string[]): void {
    this.#hostAddresses = addresses;
    this.indexAddresses();
  }
  /** An address two pods have names neither. */
  indexAddresses(): void {
    this.#addresses = new Map();
    for (const address of this.#hostAddresses) this.#addresses.set(addressTextKey(address), HOST);
    for (const endpoint of this.all.values())
      if (!endpoint.leaving)
        for (const address of endpoint.state.addresses) {
          const key = addressTextKey(address);
          const other = this.#addresses.get(key);
          const shared = other !== undefined && other !== HOST && other !== endpoint.state.workload;
          this.#addresses.set(key, shared ? null : endpoint.state.workload);
        }
  }

  local(endpointId: number, cgroupLow: number, cgroupHigh: number): Workload | undefined {
    const endpoint = this.all.get(endpointId);
    if (!endpoint) return undefined;
    return endpoint.workloads?.of(cgroupHigh * 0x1_0000_0000 + cgroupLow) ?? endpoint.state.workload;
  }
  remote(words: Uint32Array, at: number): Workload | undefined {
    return this.#addresses.get(addressKey(words, at)) ?? undefined;
  }

  /** For records that name a namespace instead of an endpoint; in the host's, the addresses tell. */
  named(
    cookie: bigint,
    cgroupId: bigint,
    flow: { saddr: Uint8Array; daddr: Uint8Array },
  ): Workload | undefined {
    const pod = this.#pods.get(cookie);
    if (pod) return pod.of(Number(cgroupId));
    return this.#byAddress(flow.saddr) ?? this.#byAddress(flow.daddr);
  }
  #byAddress(address: Uint8Array): Workload | undefined {
    const found = this.remote(aligned(address), 0);
    return found?.kind === "pod" ? found : undefined;
  }

  #put(state: EndpointState, workloads: PodWorkloads | undefined): LiveEndpoint {
    const endpoint: LiveEndpoint = {
      ...{ id: state.id, hash: endpointSeed(state.uid), leaving: false, flows: 0, state },
      ...{ netns: undefined, leavingPasses: 0, cookie: BigInt(state.cookie), attached: false },
      ...{ failure: null, attempts: 0, retryAtMs: 0, workloads },
    };
    this.all.set(state.id, endpoint);
    this.reserve(state.id);
    return endpoint;
  }
}
