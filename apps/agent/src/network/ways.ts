/**
 * What packets wait for that the kernel hands up: where a pod of another host is, what is at a virtual address or a node port,
 * which host sent a tunnel's packet. Each is asked once, and the packets are put back when it is known.
 */
import { RESOLVE_LIMITS } from "@millrace/contract/network";
import type { PuntDevice } from "../dataplane/dataplane.ts";
import { nodePortAt, nodePortOf } from "../service/node-port.ts";
import type { HeldPacket } from "./held-packet.ts";
import { Hosts } from "./hosts.ts";
import type { NetworkOptions } from "./network-options.ts";
import { Punted } from "./punted.ts";
import { Routes } from "./routes.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** What is asked: an address, or one after this, which is a host's own. */
const HOST = "host ";
/** How often ways to backends are looked for that nobody has talked to yet. */
const BACKENDS_MS = 10_000;
/** After leases that could not be renewed. */
const RETRY_MS = 5000;

export type WaysOptions = Pick<
  NetworkOptions,
  "client" | "services" | "underlay" | "inUse" | "isConnected" | "nowMs" | "log"
> & {
  where: Whereabouts;
  isReady: (source: string, destination: string) => boolean;
  /** What was learned is the kernel's before packets go by it. */
  onLearned: () => void;
};

export class Ways {
  readonly #o: WaysOptions;
  readonly routes: Routes;
  readonly hosts: Hosts;
  readonly #punted: Punted;
  #punt: PuntDevice | undefined;
  readonly #asking = new Set<string>();
  #asksForHosts = false;
  #backendsAtMs = 0;
  #renewAtMs = 0;

  constructor(options: WaysOptions) {
    this.#o = options;
    this.hosts = new Hosts(options.nowMs);
    this.routes = new Routes(options.nowMs, () => this.hosts.found().map(({ name }) => name));
    const isHere = (address: string) => options.where.podAt(address) !== undefined;
    this.#punted = new Punted({
      questionOf: (held) => this.#questionOf(held, isHere),
      isOutside: (question) => question.startsWith(HOST) || nodePortOf(question) !== undefined,
      isOwn: (address) => this.#isOwn(address),
    });
  }
  get counts(): Record<string, number> {
    return { ...this.#punted.counts, routes: this.routes.found().length, hostsRefused: this.hosts.refused };
  }
  get version(): string {
    return `${this.routes.version}.${this.hosts.version}`;
  }
  /** Where packets are put back. */
  set punt(punt: PuntDevice | undefined) {
    this.#punt = punt;
  }

  /** What an earlier life knew. */
  restore({ routes, hosts }: ReturnType<NetworkOptions["routeFile"]["read"]>): void {
    this.routes.restore(routes);
    this.hosts.restore(hosts);
  }
  /** The control plane says that something changed. */
  doubt(): void {
    this.routes.doubt(this.#isInUse());
    this.hosts.doubt();
  }
  /** As the device hands them up. */
  take(batch: Uint8Array): void {
    const { services, where, underlay, nowMs } = this.#o;
    const fresh = this.#punted.take(batch, underlay()?.vtepPort ?? 0, nowMs());
    this.answerAll();
    const isAsked = (question: string) => this.#asking.has(question);
    const ways = fresh.filter((one) => where.isElsewhere(one) && !this.routes.get(one) && !isAsked(one));
    void this.#resolve(ways, []);
    if (!this.#asksForHosts) void this.#askForHosts();
    for (const question of fresh)
      if (services.isVirtual(question) && !services.ask(question)) this.#leave(question);
  }
  /** One request at a time, since anybody can make questions: with all that came while the last was under way. */
  async #askForHosts(): Promise<void> {
    this.#asksForHosts = true;
    const asked = new Set<string>();
    for (let next = this.#unknownHosts(asked); next.length > 0; next = this.#unknownHosts(asked)) {
      for (const question of next) asked.add(question);
      await this.#resolve([], next);
    }
    this.#asksForHosts = false;
  }
  #unknownHosts(asked: ReadonlySet<string>): string[] {
    return this.#punted
      .addresses()
      .filter((one) => one.startsWith(HOST) && !asked.has(one) && !this.hosts.get(one.slice(HOST.length)))
      .slice(0, RESOLVE_LIMITS.addresses);
  }
  /** Too many are asked for: a node port is the host's own then. */
  #leave(question: string): void {
    const write = (packet: Uint8Array) => this.#punt?.write(packet) ?? false;
    if (nodePortOf(question)) this.#punted.release(question, { host: null, isReady: () => true, write });
  }
  /** Something is known now that packets may wait for. */
  answerAll(): void {
    for (const question of this.#punted.addresses()) this.#answer(question, true);
  }
  /** What waited too long is given up. */
  giveUp(): void {
    this.#punted.expire(this.#o.nowMs());
  }
  /** What is in use is known on, or is to be known when it will be; with nobody to ask all is. */
  async renew(): Promise<void> {
    const now = this.#o.nowMs();
    const ways = new Set([...this.routes.due(this.#isInUse()), ...this.#unknownBackends(now)]);
    const hosts = this.hosts.due(this.#o.inUse()).map((address) => HOST + address);
    const mayAsk = this.#o.isConnected() && now >= this.#renewAtMs;
    if (mayAsk && (await this.#resolve([...ways], hosts))) return;
    if (mayAsk) this.#renewAtMs = this.#o.nowMs() + RETRY_MS;
    this.routes.hold();
    this.hosts.hold();
  }
  /** By a flow, or by new connections, since a service may lead there. */
  #isInUse(): (address: string) => boolean {
    const used = this.#o.inUse();
    const backends = this.#o.services.backends();
    return (address) => backends.has(address) || used(address);
  }
  /** Connections may be given any of them, also those that come when there is nobody to ask. */
  #unknownBackends(now: number): string[] {
    if (now < this.#backendsAtMs) return [];
    this.#backendsAtMs = now + BACKENDS_MS;
    return [...this.#o.services.backends()].filter(
      (one) => this.#o.where.isElsewhere(one) && !this.routes.get(one),
    );
  }
  /** After what is in use was renewed: the rest goes when its lease is over. */
  expire(): void {
    const before = this.routes.found().map(([, { host }]) => host);
    this.routes.expire();
    this.hosts.expire();
    // A pod's answers may still go by a host that no pod is asked for of any more.
    const still = new Set(this.routes.found().map(([, { host }]) => host.name));
    const inUse = this.#o.inUse();
    for (const host of before)
      if (!still.has(host.name) && [host.uplink4, host.uplink6].some((own) => own !== null && inUse(own)))
        this.hosts.restore([host]);
  }

  #questionOf(held: HeldPacket, isHere: (address: string) => boolean): string {
    const { source, destination, tunnelFrom, ports } = held;
    if (held.isRelayed) return HOST + tunnelFrom;
    if (tunnelFrom !== undefined || isHere(destination)) return source;
    const nodePort = ports && nodePortAt(destination, ports.protocol, ports.destination);
    return (this.#isOwn(destination) && nodePort) || destination;
  }
  #isOwn(address: string): boolean {
    const underlay = this.#o.underlay();
    return address === underlay?.uplink4 || address === underlay?.uplink6;
  }

  /** Until one request fails; false then. */
  async #resolve(ways: readonly string[], hosts: readonly string[]): Promise<boolean> {
    const all = [...ways, ...hosts];
    let ok = true;
    for (let at = 0; at < all.length; at += RESOLVE_LIMITS.addresses) {
      const part = all.slice(at, at + RESOLVE_LIMITS.addresses);
      for (const question of part) this.#asking.add(question);
      const answer = await this.#o.client.resolve({
        addresses: part.filter((one) => !one.startsWith(HOST)),
        hosts: part.filter((one) => one.startsWith(HOST)).map((one) => one.slice(HOST.length)),
      });
      for (const question of part) this.#asking.delete(question);
      if (answer.ok) {
        this.routes.put(answer.value.resolved);
        this.hosts.put(answer.value.hosts);
        continue;
      }
      this.#o.log("addresses can't be resolved", answer.reason);
      ok = false;
      break; // the next may take as long to fail, and what is known is to be held on to meanwhile
    }
    if (all.length > 0) this.#o.onLearned();
    // All, since a node port's packets wait for several ways. What failed is asked again when more comes.
    for (const question of this.#punted.addresses()) this.#answer(question, false);
    return ok;
  }

  /** Nothing is known: the packets wait on, until their time is over. */
  #answer(question: string, mayAsk: boolean): void {
    const write = (packet: Uint8Array) => this.#punt?.write(packet) ?? false;
    const { services, where } = this.#o;
    const isReady = () => true;
    if (question.startsWith(HOST)) {
      const address = question.slice(HOST.length);
      const known = this.hosts.get(address);
      if (known) this.#punted.release(question, known.host && { host: address, isReady, write });
      return;
    }
    if (services.isVirtual(question)) {
      // Whether they may pass is asked when it is known to which backend.
      const missing = new Set<string>();
      const isNodePort = nodePortOf(question) !== undefined;
      const isReadyThere = (held: HeldPacket) => !isNodePort || this.#waysAreKnown(held, missing);
      if (services.isKnown(question))
        this.#punted.release(question, { host: null, isReady: isReadyThere, write });
      const unasked = [...missing].filter((address) => !this.#asking.has(address));
      if (mayAsk && unasked.length > 0) void this.#resolve(unasked, []);
      return;
    }
    const known = where.isElsewhere(question) ? this.routes.get(question) : { found: undefined };
    if (!known) return;
    const at = {
      host: known.found?.host.uplink4 ?? null,
      isReady: ({ source, destination }: HeldPacket) => this.#o.isReady(source, destination),
      write,
    };
    this.#punted.release(question, known.found === null ? null : at);
  }

  /** To who comes to a node port, and to the backend that it was given. With nobody to ask, it goes on as it can. */
  #waysAreKnown({ source, destination, ports }: HeldPacket, missing: Set<string>): boolean {
    if (!ports || !this.#o.isConnected()) return true;
    const backend = this.#o.services.relayed({
      ...{ remote: source, remotePort: ports.source, address: destination },
      ...{ port: ports.destination, protocol: ports.protocol },
    });
    const unknown = [source, backend].filter(
      (address): address is string =>
        address !== undefined && this.#o.where.isElsewhere(address) && !this.routes.get(address),
    );
    for (const address of unknown) missing.add(address);
    return unknown.length === 0;
  }
}
