/**
 * Whose an address is, as the kernel's forwarding tables have it: a pod's of this host, the host's own, a pod's of another
 * host, or somebody's outside. Pure look-ups; who isn't known is asked for elsewhere.
 */
import { RESERVED_IDENTITIES } from "@millrace/contract/identity";
import type { PoolFacts } from "@millrace/contract/network";
import { contains, type Prefix, parseAddress, parsePrefix } from "@millrace/contract/prefix";

export type LocalPod = { addresses: readonly string[]; endpointId: number; port: number; identity: number };

export class Whereabouts {
  readonly #routed: (address: string) => number | undefined;
  #pods: readonly LocalPod[] = [];
  #locals = new Map<string, LocalPod>();
  #host = new Set<string>();
  #pools: Prefix[] = [];

  /** `routed`: the identity of another host's pod, where it is known. */
  constructor(routed: (address: string) => number | undefined) {
    this.#routed = routed;
  }
  set(known: {
    locals: readonly LocalPod[];
    hostAddresses: readonly string[];
    pools: readonly PoolFacts[];
  }): void {
    this.#pods = known.locals;
    this.#locals = new Map(known.locals.flatMap((pod) => pod.addresses.map((address) => [address, pod])));
    this.#host = new Set(known.hostAddresses);
    this.#pools = known.pools.flatMap(({ prefix4, prefix6 }) =>
      [prefix4, prefix6].flatMap((text) => (text === null ? [] : (parsePrefix(text) ?? []))),
    );
  }

  podAt(address: string): LocalPod | undefined {
    return this.#locals.get(address);
  }
  /** Only the control plane knows where it is. */
  isElsewhere(address: string): boolean {
    if (this.#locals.has(address) || this.#host.has(address)) return false;
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#pools.some((pool) => contains(pool, parsed));
  }
  /** Undefined: it isn't known (yet). */
  identityOf(address: string): number | undefined {
    const pod = this.#locals.get(address);
    if (pod) return pod.identity || undefined;
    if (this.#host.has(address)) return RESERVED_IDENTITIES.host;
    return this.isElsewhere(address) ? this.#routed(address) : RESERVED_IDENTITIES.world;
  }
  /** Of this host. */
  pods(): readonly LocalPod[] {
    return this.#pods;
  }
  /** Whoever on this host has an address, and is known. */
  neighbours(): { address: string; identity: number }[] {
    const host = [...this.#host].map((address) => ({ address, identity: RESERVED_IDENTITIES.host }));
    const pods = [...this.#locals].map(([address, { identity }]) => ({ address, identity }));
    return [...host, ...pods.filter(({ identity }) => identity !== 0)];
  }
}
