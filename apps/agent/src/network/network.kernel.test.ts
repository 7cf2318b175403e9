/*
 * An agent's network over the real programs and real packets, with a control plane that a test holds: a first packet that
 * can't be judged waits, is resolved, judged and delivered; a change of policy reaches open connections; and what becomes
 * of packets without the control plane, and without the agent.
 */
import { isDeepStrictEqual } from "node:util";
import type { Resolved } from "@millrace/contract/network";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import type { NodePort, NodePortAnswer, ServiceAnswer } from "@millrace/contract/service";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Actor } from "../../../../packages/bpf/tests/actor.ts";
import { HOOK_KIND } from "../../../../packages/bpf/tests/device-side.ts";
import { TestHost, type TestPod, TUNNEL_PORT, wire } from "../../../../packages/bpf/tests/forwarder.ts";
import type { Flow } from "../../../../packages/bpf/tests/observer.ts";
import { addressBytes } from "../../../../packages/bpf/tests/packet-builder.ts";
import { eventually } from "../../../../packages/bpf/tests/waiting.ts";
import type { PlacedRecord } from "../attachment/record.ts";
import type { Answer, ControlPlane } from "../connection/client.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { attachBy } from "../dataplane/device-hook.ts";
import { LibbpfForwarding } from "../dataplane/libbpf-forwarding.ts";
import { LibbpfServices } from "../dataplane/libbpf-services.ts";
import { Pins } from "../dataplane/pins.ts";
import { PolicyFile } from "../policy/policy-file.ts";
import { ServiceFile } from "../service/service-file.ts";
import { Services } from "../service/services.ts";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { LeaseFile } from "./lease-file.ts";
import { Network } from "./network.ts";
import { RouteFile } from "./route-file.ts";

const PATHS = { direct: 2, overlay: 3 } as const;
type Mode = keyof typeof PATHS;
const POOL = {
  ...{ name: "default", prefix4: "10.201.0.0/16", prefix6: "fd00:201::/32", masquerade: false },
  ...{ blockLength4: 26, blockLength6: 122, mtuOverhead: 50, gateway4: "169.254.1.1", gateway6: "fe80::1" },
};
const SHOP = ["10.96.0.1", "fd00:96::1"];
const RANGES = ["10.96.0.0/16", "fd00:96::/64"];
const [NODE_PORT, STRANGE_PORT] = [30_080, 30_081];
const facts = ({ identity, name }: TestPod): PolicyIdentity => ({
  ...{ identity, namespace: "shop", labels: { app: name }, namespaceLabels: {}, ports: {} },
});
/** Only `from` reaches pods of that name. */
const admits = (to: string, from: string, revision: number): Policy => ({
  ...{ number: 1, revision, namespace: "shop", name: to, tier: "tenant", mode: "enforce" },
  subject: { pods: [{ key: "app", operator: "In", values: [to] }], namespaces: null },
  isolates: ["ingress"],
  rules: [
    {
      ...{ place: 1, direction: "ingress", action: "allow", ports: null },
      peers: [{ kind: "pods", pods: [{ key: "app", operator: "In", values: [from] }], namespaces: null }],
    },
  ],
});

/** Host 1, whose tables are filled by hand, with pods a and b; host 2, an agent's, with pod c. */
class Stage {
  readonly h1 = new TestHost(1);
  readonly h2 = new TestHost(2);
  readonly a: TestPod;
  readonly b: TestPod;
  readonly c: TestPod;
  readonly mode: Mode;
  policies: Policy[] = [];
  connected = true;
  /** Whether the control plane takes what is published. */
  takes = true;
  /** Of host 2, that lead to c. */
  hostPorts: PlacedRecord["hostPorts"] = [];
  readonly asked: string[] = [];
  readonly said: string[] = [];
  readonly #directory = temporaryDirectory("network");
  readonly #pins = new Pins(temporaryDirectory("pins"));
  readonly network: Network;
  readonly services: Services;
  /** Behind SHOP, by name of pod; undefined: it is no service. */
  backends: ("a" | "b" | "c")[] | undefined;
  #ended = false;

  constructor(mode: Mode) {
    this.mode = mode;
    wire(this.h1, this.h2);
    this.a = this.h1.addPod("a", { mtu: 1450 });
    this.b = this.h1.addPod("b", { mtu: 1450 });
    this.c = this.h2.addPod("c", { mtu: 1450 });
    this.h1.reach(this.h2, PATHS[mode]);
    this.services = this.#makeServices();
    this.network = this.#makeNetwork();
  }
  async begin(): Promise<this> {
    await this.network.step();
    this.network.open();
    await this.network.step();
    return this;
  }
  async end(): Promise<void> {
    if (!this.#ended) await this.network.close();
    this.#ended = true;
  }
  async close(): Promise<void> {
    await this.end();
    this.h1[Symbol.dispose]();
    this.h2[Symbol.dispose]();
  }

  #makeNetwork(): Network {
    const { h2 } = this;
    const map = (name: string) => h2.object.map(name);
    const program = (name: string) => h2.object.program(name);
    const attachAt = attachBy(HOOK_KIND, this.#pins);
    const forwarding = new LibbpfForwarding({
      ...{ hostNetns: h2.netns.path, pins: this.#pins, program, map, attachAt },
    });
    const directory = this.#directory;
    return new Network({
      dataplane: {
        forwarding,
        readFlows: () => h2.object.map("flows").readAll(),
      } as Partial<Dataplane> as Dataplane,
      client: this.#client() as Partial<ControlPlane> as ControlPlane,
      ...{ file: new LeaseFile(directory), routeFile: new RouteFile(directory) },
      ...{ policyFile: new PolicyFile(directory), masqueradePorts: undefined },
      uplink: h2.ifindexOf("up0"),
      underlay: () => this.#underlay(h2),
      attached: () => [this.#record()],
      endpointOf: () => this.c.endpointId,
      labelsOf: () => ({ app: "c" }),
      hostAddresses: () => [h2.underlay4, h2.underlay6],
      inUse: () => () => true,
      services: {
        isVirtual: (address) => this.services.isVirtual(address),
        isKnown: (address) => this.services.isKnown(address),
        ask: (address) => this.services.ask(address),
        backends: () => this.services.backends(),
        relayed: (client) => this.#kernel().relayed(client),
      },
      isConnected: () => this.connected,
      nowMs: () => performance.now(),
      log: (line, error) => this.said.push(`${line}: ${error}`),
    });
  }
  /** Without the hooks where sockets connect: every packet to a virtual address comes as it is. */
  #kernel(): LibbpfServices {
    const { h2 } = this;
    const [map, program] = [(name: string) => h2.object.map(name), (name: string) => h2.object.program(name)];
    return new LibbpfServices({
      ...{ pins: this.#pins, map, program, can: () => true, sum: () => 0, onAsked: () => {} },
    });
  }
  #makeServices(): Services {
    return new Services({
      ...{ kernel: this.#kernel(), file: new ServiceFile(this.#directory), clients: () => [] },
      resolve: async ({ addresses, nodePorts = [] }) => {
        if (!this.connected) return { ok: false, kind: "unreachable", reason: "gone", pauseMs: 0 };
        const resolved = addresses.map((one) => this.#service(one));
        const value = { resolved, nodePorts: nodePorts.map((one) => this.#nodePort(one)), ranges: RANGES };
        return { ok: true, value };
      },
      isConnected: () => this.connected,
      nowMs: () => performance.now(),
      log: (line, error) => this.said.push(`${line}: ${error}`),
      onWritten: () => this.network.servicesKnown(),
    });
  }
  #service(address: string): ServiceAnswer {
    if (!this.backends || !SHOP.includes(address))
      return { address, found: null, reason: "no-service", leaseSeconds: 5 };
    const family = address.includes(":") ? "ip6" : "ip4";
    const backends = this.backends.map((name) => ({
      ...{ address: this[name][family], port: 7000, weight: 100, state: "ready" as const },
    }));
    const ports = [6, 17].map((protocol) => ({
      ...{ name: String(protocol), protocol: protocol as 6 | 17, port: 80, backends },
    }));
    const found = {
      namespace: "shop",
      name: "shop",
      addresses: SHOP,
      affinitySeconds: null,
      leftOut: 0,
      ports,
    };
    return { address, found, reason: null, leaseSeconds: 120 };
  }
  #nodePort(asked: NodePort): NodePortAnswer {
    const shop = this.#service(SHOP[asked.family === 4 ? 0 : 1] as string).found;
    if (!shop || asked.port !== NODE_PORT) return { asked, found: null, leaseSeconds: 5 };
    const backends = shop.ports.find(({ protocol }) => protocol === asked.protocol)?.backends ?? [];
    const { namespace, name, affinitySeconds, leftOut } = shop;
    return { asked, found: { namespace, name, affinitySeconds, leftOut, backends }, leaseSeconds: 120 };
  }
  #underlay({ underlay4, underlay6 }: TestHost) {
    return {
      ...{ uplink4: underlay4, uplink6: underlay6, mac: "02:00:00:00:00:01", mtu: 1500 },
      vtepPort: TUNNEL_PORT,
    };
  }
  #record(): PlacedRecord {
    const { c } = this;
    return {
      ...{
        phase: "made",
        containerId: "c",
        ifname: "eth0",
        network: "n",
        netns: c.netns.path,
        pool: "default",
      },
      ...{ hostName: "mr2c", mac: "0a:00:00:00:00:01", mtu: 1450, namespace: "shop", pod: "c" },
      addresses: [c.ip4, c.ip6].map((address) => ({ address, gateway: "169.254.1.1" })),
      hostPorts: this.hostPorts,
      place: { cookie: "1", ifindex: 2, port: c.ifindex, hostMac: "02:00:00:00:00:02" },
    };
  }
  #client() {
    const block = { pool: "default", prefix4: "10.201.2.0/26", prefix6: "fd00:201:2::/122", generation: 1 };
    const pools = [{ ...POOL, mode: this.mode }];
    const everybody = [this.a, this.b, this.c];
    const refused = { ok: false as const, kind: "busy" as const, reason: "not now", pauseMs: 0 };
    const ok = async <T>(value: T): Promise<Answer<T>> =>
      this.connected ? { ok: true, value } : { ok: false, kind: "unreachable", reason: "gone", pauseMs: 0 };
    return {
      lease: () => ok({ pools, blocks: [block], notOwn: [], publishedGeneration: 0 }),
      publish: () => {
        const identities = [{ attachmentId: "c/eth0", identity: this.c.identity }];
        return this.takes ? ok({ identities, refused: [] }) : Promise.resolve(refused);
      },
      resolve: ({ addresses }: { addresses: string[] }) => {
        this.asked.push(...addresses);
        return ok({ resolved: addresses.map((address) => this.#resolved(address)), hosts: [] });
      },
      policyFor: ({ identities }: { identities: number[] }) =>
        ok({
          revision: this.policies[0]?.revision ?? 0,
          policies: this.policies,
          subjects: everybody.filter(({ identity }) => identities.includes(identity)).map(facts),
        }),
      policyPeers: ({ identities }: { identities: number[] }) =>
        ok({
          peers: everybody.filter(({ identity }) => identities.includes(identity)).map(facts),
          leaseSeconds: 600,
        }),
    };
  }
  #resolved(address: string): Resolved {
    const pod = [this.a, this.b].find(({ ip4, ip6 }) => ip4 === address || ip6 === address);
    if (!pod) return { address, found: null, reason: "no-endpoint", leaseSeconds: 5 };
    const host = { name: "h1", ...this.#underlay(this.h1) };
    const { identity, name } = pod;
    const found = { host, pool: "default", mode: this.mode, identity, labels: { app: name } };
    return { address, found, reason: null, leaseSeconds: 120 };
  }
}

let stage: Stage;
/** A shell holds this process: what waits for the agent must not. */
const send = async (from: TestPod, to: string): Promise<void> => {
  using sender = await Actor.in(from.netns);
  await sender.do("udp", { host: to, port: 9 });
};

describe.each(["direct", "overlay"] as const)("with a pool that is %s", (mode) => {
  beforeEach(async () => {
    stage = new Stage(mode);
  });
  afterEach(() => stage.close());

  test.each(["ip4", "ip6"] as const)(
    "%s: the first packet of somebody unknown waits, is judged and delivered; none is lost",
    async (family) => {
      stage.policies = [admits("c", "a", 3)];
      await stage.begin();
      const { a, b, c, h2 } = stage;
      using server = await Actor.in(c.netns);
      await server.do("listenUdp", { port: 7, family: family === "ip4" ? 4 : 6 });
      using client = await Actor.in(a.netns);
      await client.do("udp", { host: c[family], port: 7, count: 3, answer: true });
      expect(stage.asked).toContain(a[family]);
      expect(h2.ownDrops()).toEqual({});
      expect(stage.network.counts).toMatchObject({ absent: 0, late: 0, failed: 0, forged: 0 });
      expect(stage.network.counts.putBack).toBeGreaterThan(0);
      await send(b, c[family]);
      await until("b's packet is dropped", () => (h2.ownDrops().POLICY ?? 0) > 0);
      expect(h2.ownDrops()).toEqual({ POLICY: 1 });
    },
  );

  test.each(["ip4", "ip6"] as const)(
    "%s: to a service that nobody here knew, of a pod that nobody here knew, not one packet is lost",
    async (family) => {
      const address = SHOP[family === "ip4" ? 0 : 1] as string;
      stage.policies = [admits("c", "a", 3)];
      stage.backends = ["a"];
      await stage.begin();
      await stage.services.step();
      const { a, c, h1, h2 } = stage;
      using server = await Actor.in(a.netns);
      for (const op of ["listen", "listenUdp"])
        await server.do(op, { port: 7000, family: family === "ip4" ? 4 : 6 });
      using client = await Actor.in(c.netns);
      await client.do("udp", { host: address, port: 80, count: 3, answer: true });
      expect(await client.do("open", { id: 1, host: address, port: 80 })).toHaveProperty("localPort");
      await client.do("exchange", { id: 1, bytes: 300_000 });
      await client.do("close", { id: 1 });
      expect(stage.asked).toContain(a[family]);
      expect([h1.ownDrops(), h2.ownDrops()]).toEqual([{}, {}]);
      expect(stage.network.counts).toMatchObject({ absent: 0, late: 0, failed: 0, overflowed: 0 });
      // Its packet to the service, and the same when it was one to the backend.
      expect(stage.network.counts.putBack).toBeGreaterThanOrEqual(2);
      for (const proto of [6, 17]) {
        const find = (flows: Flow[]) =>
          flows.find(({ key }) => key.proto === proto && (key.dport === 80 || key.sport === 7000))?.record;
        const near = await eventually("both ends have counted the same", () => {
          const [from, to] = [find(h2.flowsOf(c)), find(h1.flowsOf(a))];
          const [sent, received] = [from, to].map((one) => one?.counters.map(({ packets }) => packets));
          return isDeepStrictEqual(sent, received?.toReversed()) && from;
        });
        expect(near.path).toMatchObject({ natDst: addressBytes(a[family]), natDstPort: 7000 });
      }
    },
  );

  test.each(["ip4", "ip6"] as const)(
    "%s: to a port of the host, of a pod that nobody here knew, not one packet is lost",
    async (family) => {
      stage.policies = [admits("c", "a", 3)];
      stage.hostPorts = (["tcp", "udp"] as const).map((protocol) => ({
        ...{ protocol, port: 8080, podPort: 7, address: null },
      }));
      await stage.begin();
      const { a, b, c, h1, h2 } = stage;
      using server = await Actor.in(c.netns);
      for (const op of ["listen", "listenUdp"]) await server.do(op, { port: 7, family: 6 });
      const to = { host: family === "ip4" ? h2.underlay4 : h2.underlay6, port: 8080 };
      using client = await Actor.in(a.netns);
      await client.do("udp", { ...to, count: 3, answer: true });
      expect(await client.do("open", { id: 1, ...to })).toHaveProperty("localPort");
      await client.do("exchange", { id: 1, bytes: 300_000 });
      await client.do("close", { id: 1 });
      expect(stage.asked).toContain(a[family]);
      expect([h1.ownDrops(), h2.ownDrops()]).toEqual([{}, {}]);
      expect(stage.network.counts.putBack).toBeGreaterThan(0);
      const flows = h2.flowsOf(c).filter(({ key }) => key.sport === 7);
      expect(flows).toHaveLength(2);
      for (const { record } of flows)
        expect(record.path).toMatchObject({ kind: PATHS[mode], natPort: 8080, rule: expect.any(Number) });

      using stranger = await Actor.in(b.netns);
      await stranger.do("udp", { ...to });
      await until("b's packet is dropped", () => (h2.ownDrops().POLICY ?? 0) > 0);
      stage.hostPorts = [];
      stage.network.apply();
      // Host 2's own stack knows the way back to host 1, and none to its pods.
      using neighbour = await Actor.in(h1.netns);
      expect(await neighbour.do("open", { id: 1, ...to })).toEqual({ error: "ECONNREFUSED" });
    },
  );

  test.each([
    ["ip4", "c"],
    ["ip6", "c"],
    ["ip4", "a"],
    ["ip6", "a"],
  ] as const)(
    "%s: to a node port that nobody here knew, of %s, not one packet is lost",
    async (family, name) => {
      stage.backends = [name];
      await stage.begin();
      await stage.services.step();
      const { h1, h2 } = stage;
      using server = await Actor.in(stage[name].netns);
      for (const op of ["listen", "listenUdp"]) await server.do(op, { port: 7000, family: 6 });
      const to = { host: family === "ip4" ? h2.underlay4 : h2.underlay6, port: NODE_PORT };
      // Host 1's own stack is somebody outside, whose answers come from host 2 wherever the pod is.
      using client = await Actor.in(h1.netns);
      await client.do("udp", { ...to, count: 3, answer: true });
      expect(await client.do("open", { id: 1, ...to })).toHaveProperty("localPort");
      await client.do("exchange", { id: 1, bytes: 300_000 });
      await client.do("close", { id: 1 });
      expect(stage.network.counts).toMatchObject({ absent: 0, late: 0, failed: 0, overflowed: 0 });
      expect(stage.network.counts.putBack).toBeGreaterThan(0);
      expect([h1.ownDrops().UNRESOLVED, h2.ownDrops().UNRESOLVED]).toEqual([undefined, undefined]);
    },
  );

  test.each([true, false])(
    "a port of those that no service has is the host's own, with a control plane to ask: %s",
    async (connected) => {
      await stage.begin();
      await stage.services.step();
      stage.connected = connected;
      const { h1, h2 } = stage;
      using own = await Actor.in(h2.netns);
      await own.do("listen", { port: STRANGE_PORT, family: 6 });
      using client = await Actor.in(h1.netns);
      for (const host of [h2.underlay4, h2.underlay6]) {
        await client.do("open", { id: 1, host, port: STRANGE_PORT });
        await client.do("exchange", { id: 1, bytes: 10_000 });
        await client.do("close", { id: 1 });
      }
      using pod = await Actor.in(stage.c.netns);
      await pod.do("open", { id: 1, host: h2.underlay4, port: STRANGE_PORT });
      await pod.do("exchange", { id: 1, bytes: 10_000 });
      expect(h2.ownDrops()).toEqual({});
      expect(stage.network.counts).toMatchObject({ late: 0, failed: 0, absent: 0 });
    },
  );

  test("what is no service is refused as soon as that is known, and what the control plane can't say is given up", async () => {
    await stage.begin();
    await stage.services.step();
    const { c, h2, network } = stage;
    using client = await Actor.in(c.netns);
    expect(await client.do("open", { id: 1, host: SHOP[0], port: 80 })).toEqual({ error: "ECONNREFUSED" });
    expect(h2.ownDrops()).toEqual({ NO_SERVICE: 1 });
    stage.connected = false;
    await client.do("udp", { host: "10.96.0.2", port: 80 });
    await until("it is given up", () => {
      void network.step();
      return network.counts.late === 1;
    });
    expect(h2.ownDrops()).toEqual({ NO_SERVICE: 1 });
  });

  test("a change of policy reaches an open connection, and the agent says of how many flows", async () => {
    stage.policies = [admits("c", "a", 3)];
    await stage.begin();
    const { a, c, h2, network } = stage;
    using server = await Actor.in(c.netns);
    await server.do("listen", { port: 80 });
    using client = await Actor.in(a.netns);
    expect(await client.do("open", { id: 1, host: c.ip4, port: 80 })).toHaveProperty("localPort");
    await client.do("exchange", { id: 1, bytes: 100_000 });
    await network.step();

    const began = performance.now();
    stage.policies = [admits("c", "b", 4)];
    network.policies.hint();
    await network.step();
    const written = performance.now();
    await client.do("send", { id: 1, bytes: 1000 });
    await until("packets are dropped", () => (h2.ownDrops().POLICY ?? 0) > 0);
    console.info(
      `${mode}: a hint was in the kernel after ${(written - began).toFixed(1)} ms, the connection cut off after ` +
        `${(performance.now() - began).toFixed(1)} ms`,
    );
    expect(network.policies.counts).toMatchObject({ flowsCut: 1, revision: 4 });

    stage.policies = [admits("c", "a", 5)];
    network.policies.hint();
    await network.step();
    await client.do("exchange", { id: 1, bytes: 100_000 });
    await client.do("close", { id: 1 });
    expect(network.policies.counts).toMatchObject({ flowsCut: 1, flowsPassAgain: 1 });
  });

  test.each([4, 6] as const)(
    "IPv%i: a new pod's first packets wait until its policies are known, also those for its host",
    async (family) => {
      stage.takes = false;
      await stage.begin();
      const { c, h2, network } = stage;
      using server = await Actor.in(h2.netns);
      await server.do("listenUdp", { port: 7, family });
      using client = await Actor.in(c.netns);
      const host = family === 4 ? h2.underlay4 : h2.underlay6;
      const answered = client.do("udp", { host, port: 7, count: 1, answer: true });
      await until("it has come up", () => (network.counts.taken ?? 0) > 0);
      stage.takes = true;
      await network.step();
      await answered;
      expect(h2.ownDrops()).toEqual({});
      const flow = h2.flowsOf(c).find(({ key }) => key.dport === 7);
      expect(flow?.record.counters.map(({ packets }) => packets)).toEqual([1n, 1n]);
    },
  );

  test("with the control plane away who is known is judged, and who isn't is dropped in the end", async () => {
    stage.policies = [admits("c", "a", 3)];
    await stage.begin();
    const { a, b, c, network } = stage;
    using server = await Actor.in(c.netns);
    await server.do("listenUdp", { port: 7 });
    using client = await Actor.in(a.netns);
    await client.do("udp", { host: c.ip4, port: 7, count: 1, answer: true });
    stage.connected = false;
    await network.step();
    await client.do("udp", { host: c.ip4, port: 7, count: 3, answer: true });
    await send(b, c.ip4);
    await until("b's packet has come up", () => (network.counts.taken ?? 0) > 1);
    await until("it is given up", () => {
      void network.step();
      return network.counts.late === 1;
    });
    expect(stage.h2.ownDrops()).toEqual({});
    expect(stage.h2.flowsOf(c).find(({ key }) => key.sport === 9)?.record.counters[1]?.packets).toBe(0n);
  });

  test("without the agent who was foreseen is judged, and who wasn't is dropped with its reason", async () => {
    stage.policies = [admits("c", "a", 3)];
    await stage.begin();
    const { a, b, c, h2 } = stage;
    using server = await Actor.in(c.netns);
    await server.do("listenUdp", { port: 7 });
    using client = await Actor.in(a.netns);
    await client.do("udp", { host: c.ip4, port: 7, count: 1, answer: true });
    await stage.end();
    await client.do("udp", { host: c.ip4, port: 7, count: 3, answer: true });
    h2.netns.sh(`ping -c 1 -W 2 ${c.ip4}`);
    expect(h2.ownDrops()).toEqual({});
    expect(() => b.netns.sh(`ping -c 1 -W 1 ${c.ip4}`)).toThrow();
    expect(h2.ownDrops()).toEqual({ UNRESOLVED: 1 });
  });
});
