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

  constructor(options: WaysOptions) {
    this.#o = options;
    this.hosts = new Hosts(options.nowMs);
    this.routes = new Routes(options.nowMs, () => this.hosts.found().map(({ name }) => name));
    const isHere = (address: string) => options.where.podAt(address) !== undefined;
    this.#punted = new Punted((held) => this.#questionOf(held, isHere));
  }
  get counts(): Record<string, number> {
    return { ...this.#punted.counts, routes: this.routes.size };
  }
  get version(): string {
    return `${this.routes.version}.${this.hosts.version}`;
  }
  /** Where packets are put back. */
  set punt(punt: PuntDevice | undefined) {
    this.#punt = punt;
  }

  /** As the device hands them up. */
  take(batch: Uint8Array): void {
    const { services, where, underlay, nowMs } = this.#o;
    const fresh = this.#punted.take(batch, underlay()?.vtepPort ?? 0, nowMs());
    this.answerAll();
    const isAsked = (question: string) => !this.#asking.has(question);
    const ways = fresh.filter((one) => where.isElsewhere(one) && !this.routes.get(one));
    const hosts = fresh.filter((one) => one.startsWith(HOST) && !this.hosts.get(one.slice(HOST.length)));
    void this.#resolve(ways.filter(isAsked), hosts.filter(isAsked));
    for (const address of fresh) if (services.isVirtual(address)) services.ask(address);
  }
  /** Something is known now that packets may wait for. */
  answerAll(): void {
    for (const question of this.#punted.addresses()) this.#answer(question, true);
  }
  /** What waited too long is given up. */
  giveUp(): void {
    this.#punted.expire(this.#o.nowMs());
  }
  /** What is in use is known on; with nobody to ask, for a while longer. */
  async renew(): Promise<void> {
    const inUse = this.#o.inUse();
    const [ways, hosts] = [this.routes.due(inUse), this.hosts.due(inUse)];
    const ok =
      this.#o.isConnected() &&
      (await this.#resolve(
        ways,
        hosts.map((address) => HOST + address),
      ));
    if (ok) return;
    this.routes.extend(ways);
    this.hosts.extend(hosts);
  }
  /** After what is in use was renewed: the rest goes when its lease is over. */
  expire(): void {
    this.routes.expire();
    this.hosts.expire();
  }

  #questionOf(held: HeldPacket, isHere: (address: string) => boolean): string {
    const { source, destination, tunnelFrom, to } = held;
    if (held.cameToPort) return HOST + tunnelFrom;
    if (tunnelFrom !== undefined || isHere(destination)) return source;
    const underlay = this.#o.underlay();
    const isOwn = destination === underlay?.uplink4 || destination === underlay?.uplink6;
    return (isOwn && to && nodePortAt(destination, to.protocol, to.port)) || destination;
  }

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
      } else this.#o.log("addresses can't be resolved", answer.reason);
      ok &&= answer.ok;
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
      if (services.isKnown(question) && !this.#waysAreMissing(question, mayAsk))
        this.#punted.release(question, { host: null, isReady, write });
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

  /** Who comes to a node port is sent on from here: to whichever of its backends. Asks where they are. */
  #waysAreMissing(nodePort: string, mayAsk: boolean): boolean {
    const missing = (nodePortOf(nodePort) ? this.#o.services.backendsOf(nodePort) : []).filter(
      (address) => this.#o.where.isElsewhere(address) && !this.routes.get(address),
    );
    if (missing.length === 0 || !this.#o.isConnected()) return false;
    const unasked = missing.filter((address) => !this.#asking.has(address));
    if (unasked.length > 0 && mayAsk) void this.#resolve(unasked, []);
    return true;
  }
}
