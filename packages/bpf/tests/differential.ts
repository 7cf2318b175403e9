/*
 * Two instances of the dataplane's programs, each with tables of its own, and the model (model/), given the same packets. One's
 * generation is raised before each packet, so that it decides everything anew: the slow path. The other's is raised when the
 * agent has told something new, so that it follows what was decided: the fast path, where a packet has one.
 */
import type { Endpoint } from "@millrace/abi/generated/endpoint";
import { type DropKey, readDropKey, readDropRecord } from "@millrace/abi/generated/event";
import {
  encodeFlowKey,
  FLOW_KEY_SIZE,
  FLOW_RECORD_OFFSETS,
  FlowDirection,
  FlowLifecycle,
  type FlowRecord,
  PathLimit,
  PathReason,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
import {
  encodeForwarding,
  encodeLocal,
  encodeRemote,
  encodeRoute,
  encodeRouteKey,
  FORWARDING_SIZE,
  LOCAL_SIZE,
  REMOTE_SIZE,
  ROUTE_KEY_SIZE,
  ROUTE_SIZE,
  RouteFlag,
} from "@millrace/abi/generated/forward";
import { encodeTranslationKey, TRANSLATION_KEY_SIZE } from "@millrace/abi/generated/nat";
import { PolicyLimit } from "@millrace/abi/generated/policy";
import { PolicySet, type RulesetEntry } from "@millrace/policy/compile";
import { TestHost } from "./forwarder.ts";
import { type Address, wireBytes } from "./model/bytes.ts";
import type { Tracked } from "./model/conntrack.ts";
import { Dataplane, type Outcome } from "./model/dataplane.ts";
import { type Direction, type Flow, flowText } from "./model/flow.ts";
import { TUNNEL_SOURCE_PORT } from "./model/tunnel.ts";
import type { Pod, World } from "./model/world.ts";
import { u32, viewOf } from "./observer.ts";
import { TestPolicy, type TestRule } from "./policy-tables.ts";
import type { Sent } from "./random-traffic.ts";
import { type Devices, LINK_ADDRESSES, PEERS, ROUTER, UPLINK_MTU } from "./random-world.ts";

export const FLOWS = 256;
const FATES: Record<number, Outcome["fate"]> = { [-1]: "next", 2: "drop", 7: "redirect" };
const FILLER = 0xffff_0000;

/** One loaded instance: its tables, and what they say. */
class Tier implements Disposable {
  readonly host: TestHost;
  readonly devices: Devices;
  readonly #policy: TestPolicy;
  readonly #forwarding = Buffer.alloc(FORWARDING_SIZE);
  #generation = 1000;

  constructor() {
    const entries = { drops: 64, fragments: 4096, translations: 1024 };
    this.host = new TestHost(1, { flows: FLOWS, entries, watchesDrops: false });
    const sh = (line: string) => this.host.netns.sh(line);
    for (const device of ["p0", "q0", "up0", "up1", "punt0"]) {
      const own = device in LINK_ADDRESSES ? LINK_ADDRESSES[device as "p0"] : undefined;
      const address = own
        ? `address ${Buffer.from(own)
            .toString("hex")
            .replace(/..(?!$)/g, "$&:")}`
        : "";
      sh(`ip link add ${device} ${address} type veth peer name ${device}far`);
      sh(`ip link set ${device}far up`);
      sh(`ip link set ${device} up`);
    }
    sh(`ip link set up0 mtu ${UPLINK_MTU}`);
    sh("ip link set punt0 mtu 65535");
    sh("ip addr add 10.200.0.1/24 dev up0");
    sh("ip -6 addr add fd00:200::1/64 dev up0 nodad");
    sh("ip addr add 10.199.0.1/24 dev up1");
    sh("ip -6 addr add fd00:199::1/64 dev up1 nodad");
    sh("ip route add default via 10.200.0.254");
    sh("ip -6 route add default via fd00:200::fe");
    sh("ip route add 203.0.113.0/24 dev up1");
    sh("ip -6 route add 2001:db8:a::/48 dev up1");
    const of = (device: string) => this.host.ifindexOf(device);
    this.devices = { p0: of("p0"), q0: of("q0"), up0: of("up0"), punt0: of("punt0") };
    this.#policy = new TestPolicy(this.host);
  }

  /** A fresh start: empty tables, `room` for flows. */
  reset(world: World, room: number): void {
    for (const name of [
      ...["flows", "endpoints", "drops", "fragments", "translations", "locals", "tunnel_peers"],
      ...["subjects", "cidr_classes", "judgements", "rulesets"],
    ])
      this.#clear(name);
    const flows = this.host.map("flows");
    const keys = Array.from({ length: FLOWS - room }, (_, n) => encodedFlow(filler(n)));
    if (keys.length > 0)
      flows.updateBatch(Buffer.concat(keys), Buffer.alloc(keys.length * flows.stride), keys.length);
    for (const { endpointId, ifindex, isGone } of world.pods)
      if (!isGone)
        this.host.map("endpoints").update(this.host.endpointKey(ifindex), this.#endpoint(endpointId));
  }
  #clear(name: string): void {
    const map = this.host.map(name);
    for (let key = map.nextKey(); key; key = map.nextKey()) map.delete(key);
  }
  #endpoint(endpointId: number): Buffer {
    const map = this.host.map("endpoints");
    const value = Buffer.alloc(map.stride);
    for (let at = 0; at < value.length; at += value.length / map.cpus) value.writeUInt32LE(endpointId, at);
    return value;
  }

  /** What the agent has to say. */
  tell(world: World, policy: Compiled | null): void {
    for (const { endpointId, identity, ifindex, addresses } of world.pods) {
      const local = encoded(LOCAL_SIZE, (view) => encodeLocal({ endpointId, identity, ifindex }, view));
      for (const address of addresses) this.host.map("locals").update(bytesOf(address), local);
    }
    this.#tellRoutes(world);
    for (const [index, address] of world.remotes) {
      const value = encoded(REMOTE_SIZE, (view) =>
        encodeRemote({ address6: new Uint8Array(16), address4: rawWord(address) }, view),
      );
      this.host.map("remotes").update(u32(index), value);
    }
    for (const [address, index] of world.tunnelPeers)
      this.host.map("tunnel_peers").update(wireBytes(address, 4), u32(index));
    this.#policy.begin();
    for (const { prefix, bits, number } of policy?.classes ?? []) this.#policy.class(prefix, bits, number);
    for (const { endpointId, ways } of policy?.subjects ?? []) this.#policy.subject(endpointId, ...ways);
    for (const { endpointId, way, peer, rules } of policy?.pairs ?? [])
      this.#policy.judge(endpointId, way, peer, rules);
    const { masquerade, natAddress, hasAgent, uplink, tunnelPort, tunnelAddress } = world;
    encodeForwarding(
      {
        ...{ generation: 0, uplink, punt: hasAgent ? this.devices.punt0 : 0, tunnelPort },
        ...{ natFirst: masquerade?.first ?? 0, natLast: masquerade?.last ?? 0, hostPorts: 0 },
        ...{ tunnelAddress: rawWord(tunnelAddress), policySet: world.policy ? this.#policy.number : 0 },
        ...{ natAddress4: rawWord(natAddress[4]), natAddress6: bytesOf(natAddress[6]) },
      },
      viewOf(this.#forwarding),
    );
    this.raiseGeneration();
  }
  #tellRoutes({ routes }: World): void {
    this.#clear("routes");
    for (const { address, bits, kind, remote, identity, isOutside, isMasqueraded } of routes) {
      const flags = (isOutside ? RouteFlag.OUTSIDE : 0) | (isMasqueraded ? RouteFlag.MASQUERADED : 0);
      this.host.map("routes").update(
        encoded(ROUTE_KEY_SIZE, (view) =>
          encodeRouteKey({ prefixBits: bits, address: bytesOf(address) }, view),
        ),
        encoded(ROUTE_SIZE, (view) => encodeRoute({ kind, remote, identity, flags }, view)),
      );
    }
  }
  raiseGeneration(): void {
    this.#forwarding.writeUInt32LE(this.#generation++);
    this.host.map("forwarding").update(u32(0), this.#forwarding);
  }

  run({ hook, device, frame }: Sent): { fate: string; frame: Buffer } {
    const { answer, packet } = this.host.run(hook, frame, this.devices[device]);
    return { fate: FATES[answer] ?? `answer ${answer}`, frame: packet };
  }

  record(flow: Flow): FlowRecord | undefined {
    const value = this.host.map("flows").lookup(encodedFlow(flow));
    return value && readFlowRecord(viewOf(value), 0);
  }
  /** Of the one drop there is, or none; and forgets it. */
  takeDrop(): { key: DropKey; packets: number } | undefined {
    const drops = this.host.map("drops");
    const key = drops.nextKey();
    if (!key) return undefined;
    const value = drops.lookup(key) as Buffer;
    drops.delete(key);
    return { key: readDropKey(viewOf(key), 0), packets: Number(readDropRecord(viewOf(value), 0).packets) };
  }
  retire(flow: Flow): void {
    const key = encodedFlow(flow);
    const value = this.host.map("flows").lookup(key) as Buffer;
    value.writeUInt32LE(FlowLifecycle.RETIRED, FLOW_RECORD_OFFSETS.lifecycle);
    this.host.map("flows").update(key, value, "exist");
  }
  remove({ flow, nat }: Tracked): void {
    if (nat) {
      const isIcmp = flow.proto === 1 || flow.proto === 58;
      const at = {
        ...{ remote: bytesOf(flow.daddr), address: bytesOf(nat.address), proto: flow.proto },
        ...{ remotePort: isIcmp ? 0 : flow.dport, port: nat.port },
      };
      this.host
        .map("translations")
        .delete(encoded(TRANSLATION_KEY_SIZE, (view) => encodeTranslationKey(at, view)));
    }
    this.host.map("flows").delete(encodedFlow(flow));
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }
}

const bytesOf = (address: Address): Uint8Array => Buffer.from(address, "hex");
/** An IPv4 address as a number whose bytes stand in memory as on the wire. */
const rawWord = (address: Address): number => wireBytes(address, 4).readUInt32BE();
const filler = (n: number): Flow => ({
  ...{ endpointId: FILLER + n, family: 0, saddr: "00".repeat(16), daddr: "00".repeat(16) },
  ...{ sport: 0, dport: 0, proto: 0, vlan: 0 },
});

function encoded(size: number, encode: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  encode(viewOf(bytes));
  return bytes;
}
const encodedFlow = (flow: Flow): Uint8Array =>
  encoded(FLOW_KEY_SIZE, (view) =>
    encodeFlowKey({ ...flow, saddr: bytesOf(flow.saddr), daddr: bytesOf(flow.daddr) }, view),
  );

interface Compiled {
  classes: readonly { prefix: string; bits: number; number: number }[];
  subjects: readonly { endpointId: number; ways: readonly ("egress" | "ingress")[] }[];
  pairs: readonly { endpointId: number; way: "egress" | "ingress"; peer: Peering; rules: TestRule[] }[];
}
type Peering = { identity: number; cidrClass: number };

/** As the agent does, for all pairs whose ends are known. */
function compiled({ policy }: World): Compiled | null {
  if (!policy) return null;
  const set = new PolicySet(policy.policies);
  const cidrClasses = [...new Set(ADDRESSES.map((address) => set.classOf(address)))];
  const classes = [...set.cidrClasses()].map(([text, number]) => {
    const [prefix = "", bits] = text.split("/");
    return { prefix, bits: Number(bits), number };
  });
  // To the kernel IPv4 is a part of ::/0; to people it isn't.
  if (!set.cidrClasses().has("0.0.0.0/0")) classes.push({ prefix: "0.0.0.0", bits: 0, number: 0 });
  const subjects = [...policy.subjects].map(([endpointId, facts]) => {
    const selects = set.selects(facts);
    return { endpointId, facts, ways: (["egress", "ingress"] as const).filter((way) => selects[way]) };
  });
  const peers = [...policy.identities].flatMap(([number, identity]) =>
    cidrClasses.map((cidrClass) => ({ number, identity, cidrClass })),
  );
  const pairs = subjects.flatMap(({ endpointId, facts, ways }) =>
    ways.flatMap((way) =>
      peers.map(({ number, identity, cidrClass }) => {
        const sight = { identity, isHost: number === PolicyLimit.HOST_IDENTITY, cidrClass };
        const rules = set.ruleset(facts, way, sight).map(ruleOf);
        return { endpointId, way, peer: { identity: number, cidrClass }, rules };
      }),
    ),
  );
  return { classes, subjects, pairs };
}

function ruleOf({ protocol, port, judgement }: RulesetEntry): TestRule {
  const { rule, revision, verdict, wouldDrop } = judgement;
  const passes = wouldDrop ? "WOULD_DROP" : "FORWARD";
  return {
    ...(protocol === null ? {} : { proto: protocol }),
    ...(port === null ? {} : { port: port.value, bits: port.bits }),
    ...{ verdict: verdict === "drop" ? "DROP" : passes, rule, revision },
  };
}

/** Every address that a packet may bear: damage may put any of them with any identity. */
const ADDRESSES = [...PEERS, ROUTER].flatMap((peer) => [peer[4], peer[6]]);

export class Differential implements Disposable {
  readonly slow = new Tier();
  readonly fast = new Tier();
  readonly devices = this.slow.devices;
  readonly #removed: Tracked[] = [];
  #world!: World;
  #model!: Dataplane;
  /** Packets that the fast instance carried without deciding, and with. */
  readonly carried = { fast: 0, slow: 0 };

  /** `room`: for how many flows. */
  begin(world: World, room: number): void {
    this.#world = world;
    this.#model = new Dataplane(world, room, (flow) => this.#portGiven(flow));
    this.#removed.length = 0;
    const policy = compiled(world);
    for (const tier of [this.slow, this.fast]) {
      tier.reset(world, room);
      tier.tell(world, policy);
    }
  }
  change(world: World): void {
    this.#world = world;
    this.#model.world = world;
    const policy = compiled(world);
    for (const tier of [this.slow, this.fast]) tier.tell(world, policy);
  }
  get world(): World {
    return this.#world;
  }
  get flows(): Tracked[] {
    return [...this.#model.table.flows.values()];
  }
  retire(tracked: Tracked): void {
    tracked.isRetired = true;
    for (const tier of [this.slow, this.fast]) tier.retire(tracked.flow);
  }
  remove(tracked: Tracked): void {
    this.#removed.push(tracked);
    this.#model.translations.end(tracked);
    this.#model.table.remove(tracked);
    for (const tier of [this.slow, this.fast]) tier.remove(tracked);
  }

  /** By the tables of the fast path's instance; the other's are compared with them. */
  #portGiven(flow: Flow): number | undefined {
    return this.fast.record(flow)?.path.natPort || undefined;
  }

  /** What became of the packet; throws with all that is known when they don't agree. */
  send(sent: Sent): { fate: string; frame: Buffer } {
    this.slow.raiseGeneration();
    const [slow, fast] = [this.slow.run(sent), this.fast.run(sent)];
    this.#model.table.touched.clear();
    this.#model.touched.clear();
    let meant: Outcome | undefined;
    try {
      meant = this.#meant(sent);
      this.#agree(sent, meant, slow, fast);
    } catch (error) {
      throw new Error(describe(sent, { slow, fast, meant }), { cause: error });
    }
    return fast;
  }

  #meant({ hook, device, frame }: Sent): Outcome {
    if (hook === "wire_ingress") return this.#model.wireIngress(frame);
    const pod = this.#world.pods.find(({ ifindex }) => ifindex === this.devices[device]);
    if (!pod) throw new Error(`no pod at ${device}`);
    return hook === "pod_egress" ? this.#model.podEgress(pod, frame) : this.#model.podIngress(pod, frame);
  }

  #agree(sent: Sent, meant: Outcome, slow: { fate: string; frame: Buffer }, fast: typeof slow): void {
    same("what becomes of it", meant.fate, slow.fate, fast.fate);
    const [slowBytes, fastBytes] = [slow.frame.toString("hex"), fast.frame.toString("hex")];
    same("its bytes", slowBytes, fastBytes);
    if (meant.fate !== "drop")
      same("its bytes", meantBytes(meant, slow.frame).toString("hex"), slowBytes, fastBytes);
    const ifindex = this.devices[sent.device];
    same("why it was dropped", dropOf(meant, ifindex), dropSeen(this.slow), dropSeen(this.fast));
    for (const tracked of this.#model.table.touched) this.#agreeOnFlow(tracked);
    for (const endpointId of this.#model.touched) this.#agreeOnEndpoint(endpointId);
  }

  #agreeOnFlow(tracked: Tracked): void {
    const [slow, fast] = [this.slow.record(tracked.flow), this.fast.record(tracked.flow)];
    const what = `the flow ${flowText(tracked.flow)}`;
    same(what, meantRecord(tracked), slow && seenRecord(slow), fast && seenRecord(fast));
    const { egress, ingress } = tracked.counted;
    same(`${what}: packets of the slow path`, egress.packets + ingress.packets, slow?.path.slowPackets);
    if ((fast?.path.slowPackets ?? 0) > egress.packets + ingress.packets)
      throw new Error(`${what}: more packets took the slow path than were counted`);
  }

  #agreeOnEndpoint(endpointId: number): void {
    const account = this.#model.accounts.get(endpointId);
    const seen = [this.slow, this.fast].map(({ host }) => {
      const pod = this.#world.pods.find((one) => one.endpointId === endpointId);
      return seenEndpoint(host.endpoint({ ifindex: pod?.ifindex as number }));
    });
    const { counters, notes } = account as NonNullable<typeof account>;
    same(`endpoint ${endpointId}`, textOf({ ...counters, notes }), ...seen);
  }

  /** Of everything there is: the flows, no more and no less, and total = flows + classes by the kernel's own numbers. */
  settle(): void {
    const known = new Set(this.#model.table.flows.keys());
    for (const tier of [this.slow, this.fast]) {
      const flows = tier.host.flows().filter(({ key }) => key.endpointId < FILLER);
      const texts = flows.map(({ key }) =>
        flowText({ ...key, saddr: hexOf(key.saddr), daddr: hexOf(key.daddr) }),
      );
      same("the flows there are", [...known].sort().join("\n"), texts.sort().join("\n"));
      for (const pod of this.#world.pods) if (!pod.isGone) this.#conserved(tier, pod);
    }
    for (const pod of this.#world.pods) if (!pod.isGone) this.#agreeOnEndpoint(pod.endpointId);
    for (const tracked of this.flows) {
      this.#agreeOnFlow(tracked);
      const { slowPackets = 0 } = this.fast.record(tracked.flow)?.path ?? {};
      this.carried.slow += slowPackets;
      this.carried.fast += tracked.counted.egress.packets + tracked.counted.ingress.packets - slowPackets;
    }
  }

  /** By the kernel's own numbers, and those of flows that are out of the table. */
  #conserved({ host }: Tier, { endpointId, ifindex }: Pod): void {
    const { counters } = host.endpoint({ ifindex });
    const flows = host.flows().filter(({ key }) => key.endpointId === endpointId);
    const removed = this.#removed.filter(({ flow }) => flow.endpointId === endpointId);
    for (const direction of ["egress", "ingress"] as const) {
      const at = directionOf(direction);
      const [total, ...classes] = (counters[at] ?? []).map(({ packets }) => Number(packets));
      const parts = [
        ...[...classes, ...removed.map(({ counted }) => counted[direction].packets)],
        ...flows.map(({ record }) => Number(record.counters[at]?.packets)),
      ];
      const sum = parts.reduce((all, one) => all + one, 0);
      same(`endpoint ${endpointId}: total = flows + classes, ${direction}`, total, sum);
    }
  }

  [Symbol.dispose](): void {
    this.slow[Symbol.dispose]();
    this.fast[Symbol.dispose]();
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, one) => (typeof one === "bigint" ? Number(one) : one));

/** All are the same as the first: the model's, the slow path's, the fast path's. */
function same(what: string, ...each: unknown[]): void {
  const texts = each.map((one) => (typeof one === "string" ? one : textOf(one)));
  if (texts.some((text) => text !== texts[0])) throw new Error(`${what}:\n  ${texts.join("\n  ")}`);
}

function describe(
  { hook, device, frame }: Sent,
  made: Record<string, { fate: string; frame: Buffer } | undefined>,
): string {
  const lines = Object.entries(made).map(
    ([who, one]) => `  ${who}: ${one?.fate} ${one?.frame.toString("hex")}`,
  );
  return `no agreement on a packet at ${hook} of ${device}\n  sent: ${frame.toString("hex")}\n${lines.join("\n")}`;
}

/** As the model says it, but for what it leaves open: a tunnel's source port, and which zero a checksum is. */
function meantBytes({ frame, adjusted, isTunnelled }: Outcome, seen: Buffer): Buffer {
  const meant = Buffer.from(frame);
  if (isTunnelled && seen.length === meant.length) {
    const { at, first } = TUNNEL_SOURCE_PORT;
    if (seen.readUInt16BE(at) >= first) meant.writeUInt16BE(seen.readUInt16BE(at), at);
  }
  for (const at of adjusted?.checksums ?? []) {
    const [is, was] = [seen.readUInt16BE(at), meant.readUInt16BE(at)];
    const isZero = (word: number) => word === 0 || word === 0xffff;
    if (isZero(is) && isZero(was) && !(is === 0 && adjusted?.neverZero.has(at))) meant.writeUInt16BE(is, at);
  }
  return meant;
}

const directionOf = (direction: Direction) =>
  direction === "egress" ? FlowDirection.EGRESS : FlowDirection.INGRESS;

function dropOf({ drop }: Outcome, ifindex: number): string {
  if (!drop) return "not";
  const { endpointId = 0, family = 0, sport = 0, dport = 0, proto = 0, vlan = 0 } = drop.flow;
  const { saddr = "00".repeat(16), daddr = "00".repeat(16) } = drop.flow;
  const flow = flowText({ endpointId, family, saddr, daddr, sport, dport, proto, vlan });
  return `${reasonName(drop.reason)} of ${flow}, ${directionOf(drop.direction)} at ${ifindex}, once`;
}
function dropSeen(tier: Tier): string {
  const drop = tier.takeDrop();
  if (!drop) return "not";
  const { flow, reason, direction, ifindex } = drop.key;
  const text = flowText({ ...flow, saddr: hexOf(flow.saddr), daddr: hexOf(flow.daddr) });
  const times = drop.packets === 1 ? "once" : `${drop.packets} times`;
  return `${reasonName(reason - PathLimit.REASON_BASE)} of ${text}, ${direction} at ${ifindex}, ${times}`;
}
const reasonName = (reason: number): string =>
  Object.entries(PathReason).find(([, value]) => value === reason)?.[0] ?? `reason ${reason}`;

const NEVER_DECIDED = {
  ...{ kind: 0, verdict: 0, reason: 0, ifindex: 0, remote: 0, identity: 0 },
  ...{ peerIdentity: 0, peerEndpoint: 0, rule: 0, revision: 0 },
};

function meantRecord(tracked: Tracked): string {
  const { flags, state, opener, isn, opens, counted, drops, dropReason, isRetired, nat } = tracked;
  const path = tracked.path ?? NEVER_DECIDED;
  return textOf({
    ...{ isRetired, opener, state, flags: [flags.egress, flags.ingress], isn, opens, drops, dropReason },
    counted: [counted.egress, counted.ingress].map(({ packets, bytes }) => [packets, packets, bytes]),
    path: Object.fromEntries(Object.keys(NEVER_DECIDED).map((name) => [name, path[name as "kind"]])),
    nat: nat ? [nat.address, nat.port] : ["00".repeat(16), 0],
  });
}
function seenRecord(record: FlowRecord): string {
  const { opener, tcpState: state, tcpFlags, isn, opens, drops, dropReason, counters, path } = record;
  return textOf({
    ...{ isRetired: record.lifecycle === FlowLifecycle.RETIRED, opener, state, flags: [...tcpFlags] },
    ...{ isn, opens, drops, dropReason },
    counted: counters.map(({ packets, segments, bytes }) => [packets, segments, bytes]),
    path: Object.fromEntries(Object.keys(NEVER_DECIDED).map((name) => [name, path[name as "kind"]])),
    nat: [hexOf(path.natAddress), path.natPort],
  });
}
function seenEndpoint({ counters, notes }: Endpoint): string {
  const way = (at: number) => counters[at]?.map(({ packets, bytes }) => ({ packets, bytes }));
  return textOf({ egress: way(0), ingress: way(1), notes });
}
