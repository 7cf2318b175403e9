/*
 * Hosts and pods on the dataplane's programs, as tests use them: each host is a namespace with an uplink, each pod one
 * with a veth or a netkit pair, and the maps are filled by hand. Real packets. Not the agent's dataplane, which decides what these
 * tables hold.
 */
import { ABI_HASH } from "@millrace/abi/generated/abi-hash";
import { encodeObserveConfig, OBSERVE_CONFIG_SIZE } from "@millrace/abi/generated/config";
import {
  type Endpoint,
  EndpointLink,
  encodeNetnsInfo,
  NETNS_INFO_SIZE,
  NetnsKind,
} from "@millrace/abi/generated/endpoint";
import { DROP_KEY_SIZE, DROP_RECORD_SIZE, readDropKey, readDropRecord } from "@millrace/abi/generated/event";
import { PathKind, PathLimit, PathReason } from "@millrace/abi/generated/flow";
import {
  encodeForwarding,
  encodeLocal,
  encodeRemote,
  encodeRoute,
  encodeRouteKey,
  FORWARDING_SIZE,
  ForwardPort,
  LOCAL_SIZE,
  REMOTE_SIZE,
  ROUTE_KEY_SIZE,
  ROUTE_SIZE,
  RouteFlag,
} from "@millrace/abi/generated/forward";
import {
  type BpfLink,
  type BpfMap,
  type BpfObject,
  type BpfProgram,
  createNetkitPair,
  isSupported,
  links,
  netnsCookie,
  openObject,
} from "@millrace/native/native";
import { attachAt, HOOK_KIND, type HookKind } from "./device-side.ts";
import { EndpointSlots } from "./endpoint-slots.ts";
import { TestNetns } from "./netns.ts";
import { clearMap, type Flow, OBSERVE_OBJECT, readFlows, u32, u64, viewOf } from "./observer.ts";
import { addressBytes } from "./packet-builder.ts";
import { TestServices } from "./service-tables.ts";

export const TUNNEL_PORT = 8472;
const NETKIT = isSupported("netkit").supported;
const PROGRAMS = [
  ...(NETKIT ? ["pod_egress_netkit", "pod_entry_netkit"] : []),
  ...["pod_egress", "pod_ingress", "wire_ingress", "punt_ingress", "packet_dropped"],
  ...["flow_retire", "translations_end", "translations_sweep"],
];

export interface TestPod {
  name: string;
  endpointId: number;
  identity: number;
  netns: TestNetns;
  ip4: string;
  ip6: string;
  /** The host's end of its link. */
  ifindex: number;
  link: PodLink;
}
export type PodLink = "veth" | "netkit";

export interface HostOptions {
  flows?: number;
  /** Of other tables: smaller ones are read faster. */
  entries?: Readonly<Record<string, number>>;
  /** Whether the kernel's drops are counted too: a test run ends as one. */
  watchesDrops?: boolean;
  hooks?: HookKind;
  /** Whether pods' links may be netkit pairs, when not whether the kernel has them. */
  netkit?: boolean;
  /** Loaded beside those that carry packets. */
  programs?: readonly string[];
}

/** Of struct __sk_buff, from which a test run takes the device and the mark. */
const [SKB_BYTES, SKB_MARK_AT, SKB_IFINDEX_AT] = [192, 8, 40];
const LOOPBACK = 1;

export class TestHost implements Disposable {
  readonly number: number;
  readonly netns: TestNetns;
  readonly cookie: bigint;
  readonly object: BpfObject;
  readonly pods: TestPod[] = [];
  readonly #hooks: HookKind;
  readonly #links: BpfLink[] = [];
  readonly #maps = new Map<string, BpfMap>();
  readonly #programs = new Map<string, BpfProgram>();
  /** Which policy set holds; 0: none. */
  policySet = 0;
  /** The device that leads to the agent; 0: there is none. */
  punt = 0;
  readonly endpoints = new EndpointSlots((name) => this.map(name));
  #generation = 2;
  #uplink = 0;
  #natPorts = { natFirst: 0, natLast: 0 };
  #ports = 0;

  constructor(number: number, options: HostOptions = {}) {
    this.number = number;
    this.#hooks = options.hooks ?? HOOK_KIND;
    this.netns = new TestNetns(`fh${number}`);
    this.cookie = netnsCookie(this.netns.path);
    this.netns.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    this.object = openObject(OBSERVE_OBJECT);
    for (const [name, entries] of Object.entries({ flows: options.flows ?? 1024, ...options.entries }))
      this.object.setMaxEntries(name, entries);
    const config = new Uint8Array(OBSERVE_CONFIG_SIZE);
    const netkit = Number(options.netkit ?? NETKIT);
    encodeObserveConfig({ abiHash: ABI_HASH, breakCounter: 0, flowBudget: 0, netkit }, viewOf(config));
    this.object.setRodata(".rodata", "observe_config", config);
    const programs = [...PROGRAMS, ...(options.programs ?? [])];
    for (const name of this.object.programs()) this.object.setAutoload(name, programs.includes(name));
    this.object.load();
    if (options.watchesDrops ?? true) this.#watchDrops();
    this.commit();
    for (const [prefix, bits] of [
      ["0.0.0.0", 96],
      ["::", 0],
    ] as const)
      this.route(prefix, bits, { kind: PathKind.HOST, flags: RouteFlag.OUTSIDE });
  }

  get underlay4(): string {
    return `10.200.0.${this.number}`;
  }
  get underlay6(): string {
    return `fd00:200::${this.number}`;
  }

  /** Makes what was decided until now void. */
  commit(): void {
    const value = new Uint8Array(FORWARDING_SIZE);
    const tunnelAddress = viewOf(addressBytes(this.underlay4)).getUint32(12);
    encodeForwarding(
      {
        generation: this.#generation++,
        uplink: this.#uplink,
        punt: this.punt,
        tunnelPort: TUNNEL_PORT,
        tunnelAddress,
        policySet: this.policySet,
        ...this.#natPorts,
        hostPorts: this.#ports,
        natAddress4: tunnelAddress,
        natAddress6: addressBytes(this.underlay6),
      },
      viewOf(value),
    );
    this.map("forwarding").update(u32(0), value);
  }

  addPod(name: string, options: { mtu?: number; link?: PodLink } = {}): TestPod {
    const number = this.pods.length + 10;
    const netns = new TestNetns(`fh${this.number}-${name}`);
    const device = `mr${this.number}${name}`;
    const mac = `0a:00:00:00:${hex(this.number)}:${hex(number)}`;
    const [ip4, ip6] = [`10.201.${this.number}.${number}`, `fd00:201:${this.number}::${number}`];
    const link = options.link ?? "veth";
    if (link === "netkit")
      createNetkitPair({
        ...{ netns: this.netns.path, name: device, policy: "drop", peerPolicy: "drop" },
        peer: { netns: netns.path, name: "eth0" },
      });
    else this.netns.sh(`ip link add ${device} type veth peer name eth0 address ${mac} netns ${netns.name}`);
    const ifindex = this.ifindexOf(device);
    const endpointId = this.number * 100 + number;
    const pod = { name, endpointId, identity: 1000 + endpointId, netns, ip4, ip6, ifindex, link };
    this.pods.push(pod);
    // Before the link is up, so that nothing passes uncounted.
    this.#register(pod);
    if (link === "netkit") this.#open(ifindex);
    else this.#attach("pod_egress", ifindex, "ingress");
    this.#attach("pod_ingress", ifindex, "egress");
    const mtu = options.mtu ?? 1500;
    netns.sh("sysctl -qw net.ipv6.conf.eth0.accept_dad=0");
    this.netns.sh(`ip link set ${device} mtu ${mtu} up`);
    netns.sh(`ip link set eth0 mtu ${mtu} up`);
    netns.sh(`ip addr add ${ip4}/32 dev eth0`);
    netns.sh(`ip -6 addr add ${ip6}/128 dev eth0 nodad`);
    netns.sh("ip route add 169.254.1.1 dev eth0 scope link");
    netns.sh("ip route add default via 169.254.1.1 dev eth0");
    netns.sh("ip -6 route add default via fe80::1 dev eth0");
    for (const address of [ip4, ip6]) {
      this.netns.sh(`ip route add ${address} dev ${device}`);
      if (link === "veth") this.netns.sh(`ip neigh add ${address} lladdr ${mac} dev ${device} nud permanent`);
    }
    return pod;
  }

  /** A pod whose link's host end is the loopback, where test runs happen: no namespace of its own, no hooks. */
  addLoopbackPod(ip4: string, ip6: string, endpointId = 7): TestPod {
    const identity = 1000 + endpointId;
    const pod: TestPod = {
      ...{ name: "lo", endpointId, identity, netns: this.netns, ip4, ip6, ifindex: LOOPBACK, link: "veth" },
    };
    this.#register(pod);
    return pod;
  }

  /** Runs a hook on a packet, as if it had come in at the device, the loopback unless told. */
  run(program: string, data: Uint8Array, ifindex = LOOPBACK, mark = 0): { answer: number; packet: Buffer } {
    const { retval, dataOut } = this.#testRun(program, data, ifindex, 1, mark);
    return { answer: retval | 0, packet: dataOut };
  }
  /** Nanoseconds that one run takes of many, each on what the one before left. */
  timeRuns(program: string, data: Uint8Array, ifindex: number, runs: number): number {
    return this.#testRun(program, data, ifindex, runs).durationNs;
  }
  #testRun(program: string, data: Uint8Array, ifindex: number, repeat: number, mark = 0) {
    const at = ifindex === LOOPBACK && mark === 0 ? {} : { ctx: skbAt(ifindex, mark) };
    return this.#program(program).testRun({ data, netns: this.netns.path, repeat, ...at });
  }

  #register(pod: TestPod): void {
    const link = pod.link === "netkit" ? EndpointLink.NETKIT : EndpointLink.VETH;
    this.endpoints.add({ cookie: this.cookie, ifindex: pod.ifindex }, pod.endpointId, link);
    const local = new Uint8Array(LOCAL_SIZE);
    encodeLocal({ endpointId: pod.endpointId, ifindex: pod.ifindex, identity: pod.identity }, viewOf(local));
    for (const address of [pod.ip4, pod.ip6]) this.map("locals").update(addressBytes(address), local);
    const info = Buffer.alloc(NETNS_INFO_SIZE);
    const endpointIds = [pod.endpointId, ...Array(7).fill(0)];
    encodeNetnsInfo({ kind: NetnsKind.POD, endpointCount: 1, endpointIds }, viewOf(info));
    this.map("netns").update(u64(netnsCookie(pod.netns.path)), info);
  }

  /** Puts the uplink's end, made by `wire`, to work. */
  useUplink(device: string): void {
    this.#uplink = this.ifindexOf(device);
    this.#attach("wire_ingress", this.#uplink, "ingress");
    this.commit();
  }

  /** The other host's pods are reached through it. */
  reach(other: TestHost, kind: typeof PathKind.DIRECT | typeof PathKind.OVERLAY): void {
    const remote = new Uint8Array(REMOTE_SIZE);
    const address4 = viewOf(addressBytes(other.underlay4)).getUint32(12);
    encodeRemote({ address6: addressBytes(other.underlay6), address4 }, viewOf(remote));
    this.map("remotes").update(u32(other.number), remote);
    this.map("tunnel_peers").update(addressBytes(other.underlay4).slice(12), u32(other.number));
    for (const address of [other.underlay4, other.underlay6])
      this.map("hosts").update(addressBytes(address), u32(other.number));
    this.route(`10.201.${other.number}.0`, 96 + 24, { kind, remote: other.number });
    this.route(`fd00:201:${other.number}::`, 64, { kind, remote: other.number });
    this.commit();
  }

  /** What its pods send to the outside leaves under its own addresses. */
  masquerade(natFirst: number, natLast: number): void {
    this.#natPorts = { natFirst, natLast };
    this.route(`10.201.${this.number}.0`, 96 + 24, { kind: PathKind.PUNT, flags: RouteFlag.MASQUERADED });
    this.route(`fd00:201:${this.number}::`, 64, { kind: PathKind.PUNT, flags: RouteFlag.MASQUERADED });
    for (const address of [this.underlay4, this.underlay6]) this.route(address, 128, { kind: PathKind.HOST });
    this.commit();
  }

  /** A port of the host's own addresses that leads to a pod. */
  publish(port: number, proto: number, pod: Pick<TestPod, "ip4" | "ip6">, podPort: number): void {
    const services = new TestServices(this.object);
    this.#ports |= ForwardPort.HOST_PORTS;
    for (const [own, to] of [
      [this.underlay4, pod.ip4],
      [this.underlay6, pod.ip6],
    ] as const) {
      services.hostPort({ address: own, port }, proto, { address: to, port: podPort });
      this.route(own, 128, { kind: PathKind.HOST });
    }
    this.commit();
  }

  /** Its own addresses are services', too. */
  useNodePorts(): void {
    this.#ports |= ForwardPort.NODE_PORTS;
    for (const own of [this.underlay4, this.underlay6]) this.route(own, 128, { kind: PathKind.HOST });
    this.commit();
  }

  /** Each is a file descriptor, and a test may ask for thousands. */
  map(name: string): BpfMap {
    const map = this.#maps.get(name) ?? this.object.map(name);
    this.#maps.set(name, map);
    return map;
  }
  #program(name: string): BpfProgram {
    const program = this.#programs.get(name) ?? this.object.program(name);
    this.#programs.set(name, program);
    return program;
  }

  route(
    prefix: string,
    prefixBits: number,
    route: { kind: PathKind; remote?: number; identity?: number; flags?: number },
  ): void {
    const key = new Uint8Array(ROUTE_KEY_SIZE);
    encodeRouteKey({ prefixBits, address: addressBytes(prefix) }, viewOf(key));
    const value = new Uint8Array(ROUTE_SIZE);
    encodeRoute({ remote: 0, identity: 0, flags: 0, ...route }, viewOf(value));
    this.map("routes").update(key, value);
  }

  flows(): Flow[] {
    return readFlows(this.map("flows"));
  }
  flowsOf(pod: TestPod): Flow[] {
    return this.flows().filter(({ key }) => key.endpointId === pod.endpointId);
  }

  endpoint({ ifindex }: Pick<TestPod, "ifindex">): Endpoint {
    return this.endpoints.find({ cookie: this.cookie, ifindex });
  }

  /** As after the load. */
  clear(...names: string[]): void {
    for (const name of names) {
      if (name === "endpoints") this.endpoints.clear();
      else clearMap(this.map(name));
    }
  }

  /** The dataplane's own drops, by reason. */
  ownDrops(): Partial<Record<keyof typeof PathReason, number>> {
    const { count, keys, values } = this.map("drops").readAll();
    const found: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const reason = readDropKey(viewOf(keys), i * DROP_KEY_SIZE).reason - PathLimit.REASON_BASE;
      const name = Object.entries(PathReason).find(([, value]) => value === reason)?.[0];
      if (name)
        found[name] =
          (found[name] ?? 0) + Number(readDropRecord(viewOf(values), i * DROP_RECORD_SIZE).packets);
    }
    return found;
  }
  /** The kernel's drops in namespaces of this host. */
  kernelDrops(): number {
    const { count, keys, values } = this.map("drops").readAll();
    let sum = 0;
    for (let i = 0; i < count; i++)
      if (readDropKey(viewOf(keys), i * DROP_KEY_SIZE).reason < PathLimit.REASON_BASE)
        sum += Number(readDropRecord(viewOf(values), i * DROP_RECORD_SIZE).packets);
    return sum;
  }

  ifindexOf(device: string): number {
    const found = links(this.netns.path).find(({ name }) => name === device);
    if (!found) throw new Error(`no ${device} in ${this.netns.name}`);
    return found.ifindex;
  }

  #watchDrops(): void {
    const info = Buffer.alloc(NETNS_INFO_SIZE);
    encodeNetnsInfo({ kind: NetnsKind.HOST, endpointCount: 0, endpointIds: Array(8).fill(0) }, viewOf(info));
    this.map("netns").update(u64(this.cookie), info);
    this.#links.push(this.object.program("packet_dropped").attach({ kind: "tracing" }));
  }
  #attach(program: string, ifindex: number, direction: "ingress" | "egress"): void {
    const attach = attachAt({ ifindex, direction, netns: this.netns.path }, this.#hooks);
    this.#links.push(this.object.program(program).attach(attach));
  }
  /** Of a netkit pair, which is shut by itself. */
  #open(ifindex: number): void {
    const at = { kind: "netkit", ifindex, netns: this.netns.path } as const;
    this.#links.push(this.object.program("pod_egress_netkit").attach({ ...at, end: "peer" }));
    this.#links.push(this.object.program("pod_entry_netkit").attach({ ...at, end: "primary" }));
  }
  [Symbol.dispose](): void {
    for (const link of this.#links) link.close();
    this.object.close();
    for (const pod of this.pods) pod.netns.remove();
    this.netns.remove();
  }
}

function skbAt(ifindex: number, mark: number): Buffer {
  const skb = Buffer.alloc(SKB_BYTES);
  skb.writeUInt32LE(mark, SKB_MARK_AT);
  skb.writeUInt32LE(ifindex, SKB_IFINDEX_AT);
  return skb;
}

const hex = (number: number): string => number.toString(16).padStart(2, "0");

/** Joins two hosts by a veth pair, the underlay. */
export function wire(a: TestHost, b: TestHost): void {
  a.netns.sh(`ip link add up0 type veth peer name up0 netns ${b.netns.name}`);
  for (const host of [a, b]) {
    host.netns.sh(`ip addr add ${host.underlay4}/24 dev up0`);
    host.netns.sh(`ip -6 addr add ${host.underlay6}/64 dev up0 nodad`);
    host.netns.sh("ip link set up0 up");
    host.useUplink("up0");
  }
}
