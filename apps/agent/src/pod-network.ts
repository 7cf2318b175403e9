/**
 * Millrace as this host's dataplane, put together: links for the pods that a runtime asks for, addresses from the
 * control plane, tables for the kernel. Absent in observe mode.
 */
import { type ControlSignal, MOST_HOST_PORTS, type NetworkReport } from "@millrace/contract/agent-protocol";
import { PodAttachments } from "./attachment/pod-attachments.ts";
import { type AttachmentStore, type PlacedRecord, podOf } from "./attachment/record.ts";
import { CniHandler } from "./cni/handler.ts";
import { CniServer } from "./cni/server.ts";
import type { ControlPlane } from "./connection/client.ts";
import type { Dataplane } from "./dataplane/dataplane.ts";
import type { PodLinks } from "./dataplane/pod-links.ts";
import type { WantedInterface } from "./endpoint/plan.ts";
import { LeaseFile } from "./network/lease-file.ts";
import { Network } from "./network/network.ts";
import type { PortRange } from "./network/port-range.ts";
import { withNamespace } from "./network/publication.ts";
import { RouteFile } from "./network/route-file.ts";
import { type Uplink, underlayOf } from "./network/uplink.ts";
import { PolicyFile } from "./policy/policy-file.ts";
import { ServiceFile } from "./service/service-file.ts";
import { Services } from "./service/services.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import type { Pod } from "./workload/pod.ts";

/** Who came to a node port and was silent for so long has the way to its backend asked for anew. */
const RELAY_REST_S = 600;
const RELAY_LOOK_MS = 10_000;

export type PodNetworkOptions = {
  dataplane: Dataplane;
  attachments: AttachmentStore;
  links: PodLinks;
  client: ControlPlane;
  telemetry: Telemetry;
  stateDir: string;
  cniSocket: string;
  hostNetns: string;
  hostCookie: bigint;
  uplink: Uplink;
  /** Of masqueraded flows. */
  masqueradePorts: PortRange | undefined;
  pods: () => readonly Pod[];
  isConnected: () => boolean;
  nowMs: () => number;
  onChange: () => void;
  log: (line: string, error?: string) => void;
};

export class PodNetwork {
  readonly #o: PodNetworkOptions;
  readonly #attachments: PodAttachments;
  readonly network: Network;
  readonly #services: Services;
  readonly #server: CniServer;
  /** Backends on other hosts that clients outside were sent to lately. */
  #relayed: { atMs: number; to: ReadonlySet<string> } | undefined;

  constructor(options: PodNetworkOptions) {
    this.#o = options;
    this.network = this.#makeNetwork();
    this.#services = this.#makeServices();
    this.#attachments = this.#makeAttachments();
    const handler = new CniHandler(this.#attachments, (error) =>
      options.log("a CNI request failed", String(error)),
    );
    this.#server = new CniServer({
      socket: options.cniSocket,
      answer: (line) => handler.answer(line),
      onError: (error) => options.log("the CNI socket failed", error.message),
    });
  }

  async start(): Promise<void> {
    const { dataplane, uplink, hostNetns } = this.#o;
    dataplane.forwarding.takeUplink({ ifindex: uplink.ifindex, netns: hostNetns });
    this.network.open();
    this.#services.open();
    await this.#server.listen();
  }
  async stop(): Promise<void> {
    await this.#server.close();
    await this.network.close();
  }

  /** By the part that counts them. */
  get counts(): Record<string, number> {
    const { network } = this;
    return {
      ...named("network", network.counts),
      ...named("policy", network.policies.counts),
      ...named("service", this.#services.counts),
    };
  }
  report(): NetworkReport {
    const { name, addresses, mtu, tunnelPort } = this.#o.uplink;
    const uplink = { interface: name, addresses: addresses.slice(0, 64), mtu, tunnelPort };
    const [backendsOut, hostPorts] = [this.#services.backendsOut(), this.#hostPorts()];
    return { uplink, ...this.network.held(), backendsOut, hostPorts, podLinks: this.#podLinks() };
  }
  /** Those there are may be of a kind that is made no longer. */
  #podLinks(): NetworkReport["podLinks"] {
    const { links, attachments } = this.#o;
    const kinds = links.kinds();
    const found = attachments.placed().map(({ hostName }) => kinds.get(hostName));
    const countOf = (kind: string) => found.filter((one) => one === kind).length;
    return { kind: links.kind, count: { veth: countOf("veth"), netkit: countOf("netkit") } };
  }
  #hostPorts(): NetworkReport["hostPorts"] {
    const all = this.#o.attachments
      .placed()
      .flatMap((record) => record.hostPorts.map((port) => ({ ...port, pod: podOf(record) })));
    return { count: all.length, some: all.slice(0, MOST_HOST_PORTS) };
  }
  /** The control plane says that something of this kind changed. */
  hint(what: ControlSignal["what"]): void {
    if (what === "policy") this.network.policies.hint();
    else if (what === "service") this.#services.hint();
    else if (what === "network") this.network.hint();
    else return;
    this.#o.onChange();
  }
  /** One look at everything; how long until the next. */
  async step(): Promise<number> {
    return Math.min(...(await Promise.all([this.network.step(), this.#services.step()])));
  }

  /** For the endpoints' planner. */
  wanted(): WantedInterface[] {
    return this.#o.attachments.placed().map((record) => this.#wanted(record));
  }

  #makeNetwork(): Network {
    const { dataplane, client, uplink, telemetry, stateDir, isConnected, nowMs, log, masqueradePorts } =
      this.#o;
    return new Network({
      ...{ dataplane, client, isConnected, nowMs, log, uplink: uplink.ifindex },
      ...{ file: new LeaseFile(stateDir), routeFile: new RouteFile(stateDir) },
      policyFile: new PolicyFile(stateDir),
      ...{ underlay: () => underlayOf(uplink), masqueradePorts },
      attached: () => this.#o.attachments.placed(),
      endpointOf: (record) => this.#endpointOf(record)?.id,
      labelsOf: (record) => this.#labelsOf(record),
      hostAddresses: () => telemetry.registry.hostAddresses,
      inUse: () => {
        const isRemote = telemetry.usedRemotes();
        return (address) => isRemote(address) || this.#relayedTo().has(address);
      },
      services: {
        isVirtual: (address) => this.#services.isVirtual(address),
        isKnown: (address) => this.#services.isKnown(address),
        ask: (address) => this.#services.ask(address),
        backends: () => this.#services.backends(),
        relayed: (client) => dataplane.services.relayed(client),
      },
    });
  }

  /** Read now and then: it may be long. */
  #relayedTo(): ReadonlySet<string> {
    const now = this.#o.nowMs();
    if (!this.#relayed || now - this.#relayed.atMs > RELAY_LOOK_MS)
      this.#relayed = { atMs: now, to: this.#o.dataplane.services.relayedTo(RELAY_REST_S) };
    return this.#relayed.to;
  }
  #makeServices(): Services {
    const { dataplane, client, stateDir, isConnected, nowMs, log } = this.#o;
    return new Services({
      ...{ kernel: dataplane.services, file: new ServiceFile(stateDir), isConnected, nowMs, log },
      resolve: (input) => client.resolveServices(input),
      clients: () => this.#o.attachments.placed().map(({ place }) => BigInt(place.cookie)),
      onWritten: () => this.network.servicesKnown(),
    });
  }

  #makeAttachments(): PodAttachments {
    const { dataplane, links, hostCookie, uplink, telemetry, log } = this.#o;
    return new PodAttachments({
      ...{ store: this.#o.attachments, links, hostCookie, log },
      netnsCookie: (netns) => dataplane.netnsCookie(netns),
      allocate: (taken) => this.network.allocate(taken),
      ...{ mtu: () => uplink.mtu, tunnelPort: uplink.tunnelPort },
      hostAddresses: () => telemetry.registry.hostAddresses,
      notReady: () => this.network.notReady(),
      untilReady: () => this.network.untilReady(),
      connect: (record) => this.#connect(record),
      onChange: () => {
        this.network.apply();
        this.#services.apply();
        this.#o.onChange();
      },
    });
  }

  /** Programs and tables are there before the link is up: nothing passes uncounted or unjudged. */
  #connect(record: PlacedRecord): void {
    const { registry, executor } = this.#o.telemetry;
    executor.run([{ do: "make", id: registry.nextId, interface: this.#wanted(record) }]);
    const endpoint = this.#endpointOf(record);
    if (!endpoint?.attached)
      throw new Error(`its programs can't be attached: ${endpoint?.failure ?? "no room"}`);
    this.network.apply();
    this.#services.apply();
  }

  #endpointOf({ place }: PlacedRecord) {
    const cookie = BigInt(place.cookie);
    return [...this.#o.telemetry.registry.all.values()].find(
      (endpoint) => endpoint.cookie === cookie && endpoint.state.ifindex === place.ifindex,
    );
  }
  #wanted({ place, netns, ifname, addresses }: PlacedRecord): WantedInterface {
    return {
      ...{ cookie: place.cookie, netns, ifindex: place.ifindex, name: ifname },
      addresses: addresses.map(({ address }) => address),
      port: { cookie: String(this.#o.hostCookie), ifindex: place.port },
    };
  }

  /** What discovery has found; a runtime's socket may tell labels later. */
  #labelsOf(record: PlacedRecord): Record<string, string> | undefined {
    const pod = this.#o.pods().find(({ cookie }) => cookie === BigInt(record.place.cookie));
    const labels = Object.entries(pod?.labels ?? {}).slice(0, 63);
    if (labels.length === 0) return undefined;
    return withNamespace(Object.fromEntries(labels), pod?.namespace ?? record.namespace);
  }
}

const named = (part: string, counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([name, value]) => [`${part}.${name}`, value]));
