/**
 * This host's part of the network: the blocks it holds, what it publishes of its pods, the ways to others that its pods
 * have asked for, and from all of it the kernel's forwarding tables. Level by level: each step looks at what there is
 * and at what should be.
 */
import type { NetworkReport } from "@millrace/contract/agent-protocol";
import { LEASE_LIMITS, PUBLISH_CHUNK } from "@millrace/contract/network";
import { AttachmentError, keyText } from "../attachment/attachment.ts";
import type { Allocation } from "../attachment/pod-attachments.ts";
import type { PuntDevice } from "../dataplane/dataplane.ts";
import { Paced } from "../paced.ts";
import type { Policies } from "../policy/policies.ts";
import { Addresses } from "./addresses.ts";
import type { LeaseState } from "./lease-file.ts";
import type { NetworkOptions } from "./network-options.ts";
import { policiesOf } from "./policies-of.ts";
import { labelsToPublish, publishedEndpoint } from "./publication.ts";
import { forwardingTables } from "./tables.ts";
import { TranslationSweep } from "./translation-sweep.ts";
import { Ways } from "./ways.ts";
import { Whereabouts } from "./whereabouts.ts";

const STEP_MS = 1000;
const RETRY_MS = 500;
const LEASE_AGAIN_MS = 30_000;
const READY_MS = 15_000;
const READY_LOOK_MS = 50;
/** A further block is asked for when fewer addresses than this are free. */
const LOW_WATER = 16;

export class Network {
  readonly #o: NetworkOptions;
  readonly #addresses = new Addresses();
  readonly #where = new Whereabouts((address) => this.#ways.routes.get(address)?.found?.identity);
  readonly #ways: Ways;
  readonly policies: Policies;
  #state: LeaseState;
  #punt: PuntDevice | undefined;
  #leaseAtMs = 0;
  #published = "";
  #applied = "";
  readonly #paced = new Paced();
  readonly #translations: TranslationSweep;

  constructor(options: NetworkOptions) {
    this.#o = options;
    this.#ways = new Ways({
      ...options,
      where: this.#where,
      isReady: (source, destination) => this.policies.isReady(source, destination),
      onLearned: () => {
        this.#remember(false); // before packets go by it
        this.apply();
      },
    });
    this.#ways.restore(options.routeFile.read());
    this.#state = options.file.read();
    this.#addresses.set(this.#state.pools, this.#state.blocks);
    this.#translations = new TranslationSweep(options.dataplane.forwarding);
    this.policies = policiesOf(options, this.#where, this.#ways.routes, () => this.#ways.answerAll());
  }
  get counts(): Record<string, number> {
    return { ...this.#ways.counts, ...this.#translations.counts };
  }

  /** For people: the blocks that are this host's, and how much of them is used. */
  held(): Pick<NetworkReport, "blocks" | "addresses"> {
    const { pools, blocks } = this.#state;
    const modeOf = (pool: string) => pools.find(({ name }) => name === pool)?.mode ?? null;
    return {
      blocks: blocks.map(({ generation: _, ...block }) => ({ ...block, mode: modeOf(block.pool) })),
      addresses: { used: this.#o.attached().length, total: this.#addresses.size },
    };
  }

  /** Takes over what is to be forwarded; packets of unknown destination come up from now on. */
  open(): void {
    this.#punt = this.#o.dataplane.forwarding.openPunt((batch) => this.#ways.take(batch));
    this.#ways.punt = this.#punt;
    this.#where.set(this.#known());
    this.policies.open(); // before anything is forwarded
    this.apply();
  }
  async close(): Promise<void> {
    this.#remember(true);
    await this.#punt?.close();
  }

  notReady(): string | undefined {
    if (this.#addresses.size > 0) return undefined;
    return this.#o.isConnected()
      ? "no block of addresses is leased to this host: is there a pool?"
      : "no block of addresses is leased to this host, and the control plane can't be reached";
  }
  /** Waits a while for the first block: an agent that has just begun is ready in a moment. */
  async untilReady(): Promise<string | undefined> {
    const endMs = this.#o.nowMs() + READY_MS;
    while (this.notReady() !== undefined && this.#o.nowMs() < endMs)
      await new Promise((resolve) => setTimeout(resolve, READY_LOOK_MS));
    return this.notReady();
  }
  allocate(taken: ReadonlySet<string>): Allocation {
    const allocation = this.#addresses.next(taken);
    if (!allocation)
      throw new AttachmentError(
        "no-address",
        `all ${this.#addresses.size} addresses of this host's blocks are in use`,
      );
    return allocation;
  }

  /** The kernel's tables from what is known now. */
  apply(): void {
    const known = this.#known();
    const text = JSON.stringify([known, this.#ways.version]);
    if (text === this.#applied) return;
    this.#where.set(known);
    const { routes, hosts } = this.#ways;
    this.#o.dataplane.forwarding.setTables(
      forwardingTables({
        ...{ ...known, routes: routes.found(), hosts: hosts.found() },
        indexOf: (host) => routes.indexOf(host),
      }),
    );
    this.#applied = text;
  }
  #known() {
    const { uplink, underlay, hostAddresses, masqueradePorts } = this.#o;
    const locals = this.#o.attached().flatMap((record) => {
      const endpointId = this.#o.endpointOf(record);
      if (endpointId === undefined) return [];
      const addresses = record.addresses.map(({ address }) => address);
      const identity = this.#state.identities[keyText(record)] ?? 0;
      return [{ addresses, endpointId, port: record.place.port, identity, hostPorts: record.hostPorts }];
    });
    return {
      ...{ uplink, punt: this.#punt?.ifindex ?? 0, underlay: underlay(), pools: this.#state.pools, locals },
      ...{ hostAddresses: hostAddresses(), masqueradePorts },
    };
  }

  /** The control plane says that something changed. */
  hint(): void {
    this.#leaseAtMs = 0;
    this.#ways.doubt();
  }
  /** What packets to services may wait for is known. */
  servicesKnown(): void {
    this.#ways.answerAll();
  }

  /** One look at everything; how long until the next. */
  async step(): Promise<number> {
    const waitMs = await this.#stepWays();
    await this.policies.step();
    return waitMs;
  }
  async #stepWays(): Promise<number> {
    const now = this.#o.nowMs();
    this.#ways.giveUp();
    this.#translations.step(now);
    if (this.#o.isConnected()) {
      if (now >= this.#leaseAtMs && !(await this.#lease(now))) return RETRY_MS;
      if (!(await this.#publish())) return RETRY_MS;
    }
    await this.#ways.renew();
    this.#ways.expire();
    this.apply();
    this.#remember(true);
    return STEP_MS;
  }
  #remember(isStep: boolean): void {
    const { routes, hosts } = this.#ways;
    const write = () => this.#o.routeFile.write({ routes: routes.found(), hosts: hosts.found() });
    const problem = this.#paced.keep(routes.version + hosts.version, this.#o.nowMs(), isStep, write);
    if (problem) this.#o.log("ways can't be kept on disk", problem);
  }

  async #lease(now: number): Promise<boolean> {
    const underlay = this.#o.underlay();
    if (!underlay) return true;
    const { blocks, pools } = this.#state;
    const free = this.#addresses.size - this.#o.attached().length;
    const pool = pools[0]?.name;
    const named = blocks.map(({ pool: of, prefix4, prefix6 }) => ({ pool: of, prefix4, prefix6 }));
    const want = pool !== undefined && free < LOW_WATER ? { [pool]: 1 } : {};
    const answer = await this.#o.client.lease({ blocks: named.slice(0, LEASE_LIMITS.named), want, underlay });
    if (!answer.ok) {
      this.#o.log("blocks can't be leased", answer.reason);
      return false;
    }
    this.#keep({ pools: answer.value.pools, blocks: answer.value.blocks });
    this.#state.generation = Math.max(this.#state.generation, answer.value.publishedGeneration);
    // Pools are known only now: what is wanted of them is asked for at once.
    const isFirst = pool === undefined && answer.value.pools.length > 0;
    this.#leaseAtMs = isFirst ? 0 : now + LEASE_AGAIN_MS;
    return isFirst ? await this.#lease(now) : true;
  }

  #keep(change: Partial<LeaseState>): void {
    const next = { ...this.#state, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    this.#o.file.write(next);
    this.#addresses.set(next.pools, next.blocks);
    this.apply();
  }

  /** All of this host's endpoints, whenever they are not as they were published. */
  async #publish(): Promise<boolean> {
    const { attached, labelsOf } = this.#o;
    const labels: Record<string, Record<string, string>> = {};
    for (const record of attached())
      labels[keyText(record)] = labelsToPublish(
        record,
        labelsOf(record),
        this.#state.labels[keyText(record)],
      );
    const endpoints = attached().map((record) => publishedEndpoint(record, labels[keyText(record)] ?? {}));
    const text = JSON.stringify(endpoints);
    if (text === this.#published) return true;
    const generation = this.#state.generation + 1;
    const identities: Record<string, number> = {};
    for (let at = 0; at === 0 || at < endpoints.length; at += PUBLISH_CHUNK) {
      const part = endpoints.slice(at, at + PUBLISH_CHUNK);
      const last = at + PUBLISH_CHUNK >= endpoints.length;
      const answer = await this.#o.client.publish({ generation, endpoints: part, last });
      if (!answer.ok) {
        this.#o.log("endpoints can't be published", answer.reason);
        this.#leaseAtMs = 0;
        return false;
      }
      for (const { attachmentId, identity } of answer.value.identities) identities[attachmentId] = identity;
      for (const { attachmentId, address } of answer.value.refused)
        this.#o.log(`${attachmentId} is not published`, `${address} is in no block of this host`);
    }
    this.#published = text;
    this.#keep({ generation, identities, labels });
    return true;
  }
}
