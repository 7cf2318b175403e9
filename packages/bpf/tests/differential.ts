/*
 * Two instances of the dataplane's programs, each with tables of its own, and the model (model/), given the same packets. One's
 * generation is raised before each packet, so that it decides everything anew: the slow path. The other's is raised when the
 * agent has told something new, so that it follows what was decided: the fast path, where a packet has one.
 */
import type { Endpoint } from "@millrace/abi/generated/endpoint";
import {
  FlowDirection,
  FlowLifecycle,
  type FlowRecord,
  PathLimit,
  PathReason,
} from "@millrace/abi/generated/flow";
import { compiled } from "./differential-policy.ts";
import { FILLER, Tier } from "./differential-tier.ts";
import type { Tracked } from "./model/conntrack.ts";
import { Dataplane, type Outcome } from "./model/dataplane.ts";
import { type Direction, type Flow, flowText } from "./model/flow.ts";
import { TUNNEL_SOURCE_PORT } from "./model/tunnel.ts";
import type { Place, Pod, World } from "./model/world.ts";
import type { Sent } from "./random-traffic.ts";

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
    this.#model = new Dataplane(world, room, (flow) => this.#portGiven(flow), {
      backend: (flow) => this.#backendChosen(flow),
      port: (flow) => this.fast.record(flow)?.path.wirePort || undefined,
    });
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
    for (const tier of [this.slow, this.fast]) tier.remove(tracked.flow);
    this.#freed();
  }
  /** Takes out what was claimed and is no longer used. */
  sweep(): void {
    this.#model.translations.sweep(this.#model.table);
    for (const tier of [this.slow, this.fast]) tier.sweep();
    this.#freed();
  }
  /** What could not be had may be had now: the slow path finds out at once, the fast one when the agent next tells something. */
  #freed(): void {
    this.fast.raiseGeneration();
  }

  /** By the tables of the fast path's instance; the other's are compared with them. */
  #portGiven(flow: Flow): number | undefined {
    return this.fast.record(flow)?.path.natPort || undefined;
  }
  #backendChosen(flow: Flow): Place | null {
    const { natDst, natDstPort } = this.fast.record(flow)?.path ?? {};
    return natDst && natDstPort ? { address: hexOf(natDst), port: natDstPort } : null;
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
  const { flags, state, opener, isn, opens, counted, drops, dropReason, isRetired } = tracked;
  const { flow, nat, target } = tracked;
  const path = tracked.path ?? NEVER_DECIDED;
  return textOf({
    ...{ isRetired, opener, state, flags: [flags.egress, flags.ingress], isn, opens, drops, dropReason },
    counted: [counted.egress, counted.ingress].map(({ packets, bytes }) => [packets, packets, bytes]),
    path: Object.fromEntries(Object.keys(NEVER_DECIDED).map((name) => [name, path[name as "kind"]])),
    nat: nat ? [nat.address, nat.port] : ["00".repeat(16), 0],
    target: target
      ? [target.number, target.address, target.port, target.from === flow.sport ? 0 : target.from]
      : [0, "00".repeat(16), 0, 0],
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
    target: [path.backend, hexOf(path.natDst), path.natDstPort, path.wirePort],
  });
}
function seenEndpoint({ counters, notes }: Endpoint): string {
  const way = (at: number) => counters[at]?.map(({ packets, bytes }) => ({ packets, bytes }));
  return textOf({ egress: way(0), ingress: way(1), notes });
}
