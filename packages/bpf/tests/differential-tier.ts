/*
 * One loaded instance of the dataplane's programs for the differential test: its tables, filled from a world, and what they say.
 */
import type { DropKey } from "@millrace/abi/generated/event";
import { readDropKey, readDropRecord } from "@millrace/abi/generated/event";
import {
  encodeFlowKey,
  encodeFlowRetireRequest,
  FLOW_KEY_SIZE,
  FLOW_RECORD_OFFSETS,
  FLOW_RETIRE_BATCH_SIZE,
  FLOW_RETIRE_REQUEST_SIZE,
  FlowLifecycle,
  type FlowRecord,
  readFlowRecord,
} from "@millrace/abi/generated/flow";
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
import { encodeTranslationSweep, TRANSLATION_SWEEP_SIZE } from "@millrace/abi/generated/nat";
import {
  encodeService,
  encodeServiceBackend,
  encodeServiceKey,
  SERVICE_BACKEND_SIZE,
  SERVICE_KEY_SIZE,
  SERVICE_SIZE,
} from "@millrace/abi/generated/service";
import type { Compiled } from "./differential-policy.ts";
import { TestHost } from "./forwarder.ts";
import { type Address, wireBytes } from "./model/bytes.ts";
import type { Outcome } from "./model/dataplane.ts";
import type { Flow } from "./model/flow.ts";
import type { Place, World } from "./model/world.ts";
import { u32, viewOf } from "./observer.ts";
import { TestPolicy } from "./policy-tables.ts";
import type { Sent } from "./random-traffic.ts";
import { type Devices, LINK_ADDRESSES, UPLINK_MTU } from "./random-world.ts";

export const FLOWS = 256;
const FATES: Record<number, Outcome["fate"]> = { [-1]: "next", 2: "drop", 7: "redirect" };
export const FILLER = 0xffff_0000;

/** So that the choice is by the flow, and not by the number of backends alone. */
const SLOTS_A_BACKEND = 7;

/** One loaded instance: its tables, and what they say. */
export class Tier implements Disposable {
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
    this.host.clear("flows", "endpoints", "drops", "fragments", "translations", "locals", "tunnel_peers");
    this.host.clear("subjects", "cidr_classes", "judgements", "rulesets");
    const flows = this.host.map("flows");
    const keys = Array.from({ length: FLOWS - room }, (_, n) => encodedFlow(filler(n)));
    if (keys.length > 0)
      flows.updateBatch(Buffer.concat(keys), Buffer.alloc(keys.length * flows.stride), keys.length);
    for (const { endpointId, ifindex, isGone } of world.pods)
      if (!isGone) this.host.endpoints.add({ cookie: this.host.cookie, ifindex }, endpointId);
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
    this.#tellServices(world);
    const { masquerade, natAddress, hasAgent, uplink, tunnelPort, tunnelAddress } = world;
    encodeForwarding(
      {
        ...{ generation: 0, uplink, punt: hasAgent ? this.devices.punt0 : 0, tunnelPort },
        ...{
          natFirst: masquerade?.first ?? 0,
          natLast: masquerade?.last ?? 0,
          hostPorts: world.hostPorts.length > 0 ? ForwardPort.HOST_PORTS : 0,
        },
        ...{ tunnelAddress: rawWord(tunnelAddress), policySet: world.policy ? this.#policy.number : 0 },
        ...{ natAddress4: rawWord(natAddress[4]), natAddress6: bytesOf(natAddress[6]) },
      },
      viewOf(this.#forwarding),
    );
    this.raiseGeneration();
  }
  #tellServices({ services, hostPorts }: World): void {
    this.host.clear("service_ranges", "services", "service_backends", "host_ports");
    const put = (map: string, key: Uint8Array, value: Uint8Array) => this.host.map(map).update(key, value);
    const key = ({ address, port }: Place, proto: number) =>
      encoded(SERVICE_KEY_SIZE, (view) => encodeServiceKey({ address: bytesOf(address), port, proto }, view));
    const place = ({ address, port }: Place, service: number) =>
      encoded(SERVICE_BACKEND_SIZE, (view) =>
        encodeServiceBackend({ address: bytesOf(address), port, service }, view),
      );
    for (const { address, bits } of services.ranges) {
      const at = { prefixBits: bits, address: bytesOf(address) };
      put(
        "service_ranges",
        encoded(ROUTE_KEY_SIZE, (view) => encodeRouteKey(at, view)),
        u32(1),
      );
    }
    for (const address of services.told)
      put("services", key({ address, port: 0 }, 0), new Uint8Array(SERVICE_SIZE));
    let slotBase = 0;
    for (const { backends, number, proto, ...at } of services.services) {
      const slotCount = backends.length * SLOTS_A_BACKEND;
      for (const backend of backends) put("service_backends", u32(backend.number), place(backend, number));
      for (let slot = 0; slot < slotCount; slot++) {
        const { number: backend } = backends[slot % backends.length] as (typeof backends)[number];
        put("service_slots", u32(slotBase + slot), u32(backend));
      }
      const service = { number, slotBase, slotCount, affinitySeconds: 0 };
      put(
        "services",
        key(at, proto),
        encoded(SERVICE_SIZE, (view) => encodeService(service, view)),
      );
      slotBase += slotCount;
    }
    for (const { proto, to, ...at } of hostPorts) put("host_ports", key(at, proto), place(to, 0));
  }
  #tellRoutes({ routes }: World): void {
    this.host.clear("routes");
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
  /** Of a flow that was retired. */
  remove(flow: Flow): void {
    const key = encodedFlow(flow);
    const batch = Buffer.alloc(FLOW_RETIRE_BATCH_SIZE);
    batch.set(key);
    this.host.map("retire_batch").update(u32(0), batch);
    const ctx = encoded(FLOW_RETIRE_REQUEST_SIZE, (view) =>
      encodeFlowRetireRequest({ quietSinceNs: 0n, count: 1 }, view),
    );
    this.host.object.program("translations_end").testRun({ ctx });
    this.host.map("flows").delete(key);
  }
  /** As if all had been claimed long ago. */
  sweep(): void {
    const request = { graceS: 0, found: 0, removed: 0 };
    const ctx = encoded(TRANSLATION_SWEEP_SIZE, (view) => encodeTranslationSweep(request, view));
    this.host.object.program("translations_sweep").testRun({ ctx });
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }
}

const bytesOf = (address: Address): Uint8Array => Buffer.from(address, "hex");
/** An IPv4 address as a number whose bytes stand in memory as on the wire. */
const rawWord = (address: Address): number => wireBytes(address, 4).readUInt32BE();
export const filler = (n: number): Flow => ({
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
