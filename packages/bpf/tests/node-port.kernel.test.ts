/*
 * Node ports, with real packets: clients outside come to a host and are answered from it by a pod there or on another host, which
 * sees who they are. What single packets look like is node-port-packets.kernel.test.ts's.
 */

import { PathKind } from "@millrace/abi/generated/flow";
import { ObserverCount } from "@millrace/abi/generated/observer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { expectBooksBalance } from "./books.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import { type Flow, sumU64 } from "./observer.ts";
import { FAR, Outside } from "./outside.ts";
import { addressBytes, PROTO } from "./packet-builder.ts";
import { TestServices } from "./service-tables.ts";

const [PORT, EMPTY_PORT, STRANGE_PORT, POD_PORT] = [30_080, 30_081, 30_082, 80];
const families = ["ip4", "ip6"] as const;
type Family = (typeof families)[number];

describe.each([
  ["overlay", PathKind.OVERLAY, 1450],
  ["direct", PathKind.DIRECT, 1500],
] as const)("by %s", (_mode, kind, mtu) => {
  let near: TestHost;
  let far: TestHost;
  let outside: Outside;
  let here: TestPod;
  let there: TestPod;
  let beside: TestPod;
  const actors: Actor[] = [];

  beforeAll(async () => {
    [near, far] = [new TestHost(1), new TestHost(2)];
    outside = new Outside(near, far);
    near.reach(far, kind);
    far.reach(near, kind);
    [here, beside, there] = [near.addPod("a", { mtu }), near.addPod("b", { mtu }), far.addPod("c", { mtu })];
    for (const pod of [here, there]) {
      const actor = await Actor.in(pod.netns);
      for (const op of ["listen", "listenUdp"]) await actor.do(op, { port: POD_PORT, family: 6 });
      actors.push(actor);
    }
    near.useNodePorts();
  });
  afterAll(() => {
    for (const actor of actors) actor[Symbol.dispose]();
    for (const host of [near, far]) host[Symbol.dispose]();
    outside[Symbol.dispose]();
  });

  const addressOf = (family: Family) => (family === "ip4" ? near.underlay4 : near.underlay6);
  /** The node port leads there, and nowhere else. */
  function lead(pod: TestPod): void {
    const services = new TestServices(near.object);
    for (const [number, family, proto] of [
      [1, 4, PROTO.tcp],
      [2, 6, PROTO.tcp],
      [3, 4, PROTO.udp],
      [4, 6, PROTO.udp],
    ] as const) {
      const backend = services.backend(number, { address: family === 4 ? pod.ip4 : pod.ip6, port: POD_PORT });
      services.nodePort(number, family, PORT, proto, [backend]);
    }
  }
  async function converse(client: Actor, to: string): Promise<void> {
    expect(await client.do("open", { id: 1, host: to, port: PORT })).toHaveProperty("localPort");
    await client.do("exchange", { id: 1, bytes: 2_000_000 });
    await client.do("close", { id: 1 });
    await client.do("udp", { host: to, port: PORT, bytes: 1200, count: 5, answer: true });
  }
  const flowsFrom = (host: TestHost, pod: TestPod, client: string): Flow[] =>
    host.flowsOf(pod).filter(({ key }) => Buffer.compare(key.daddr, addressBytes(client)) === 0);
  const counted = (what: keyof typeof ObserverCount) =>
    sumU64(near.object.map("observer_counts"), ObserverCount[what]);

  test.each(families)("%s: a pod of the host answers who comes from outside", async (family) => {
    lead(here);
    using client = await Actor.in(outside.far);
    await converse(client, addressOf(family));
    const flows = flowsFrom(near, here, FAR[family]);
    expect(new Set(flows.map(({ record }) => record.path.kind))).toEqual(new Set([PathKind.MASQUERADE]));
    expect(near.ownDrops()).toEqual({});
  });

  test.each(families)("%s: a pod of another host does, by way of the host that was asked", async (family) => {
    lead(there);
    const before = [counted("RELAYED"), counted("RELAYED_BACK")];
    const tooLong = () => far.ownDrops().TOO_LONG ?? 0;
    const tooLongBefore = tooLong();
    using client = await Actor.in(outside.far);
    await converse(client, addressOf(family));
    const flows = flowsFrom(far, there, FAR[family]);
    expect(new Set(flows.map(({ key }) => key.proto))).toEqual(new Set([PROTO.tcp, PROTO.udp]));
    for (const { record } of flows) {
      expect(record.path.kind).toBe(PathKind.OVERLAY);
      expect([Buffer.from(record.path.natAddress), record.path.natPort]).toEqual([
        Buffer.from(addressBytes(addressOf(family))),
        PORT,
      ]);
    }
    const bulk = flows.find(({ key }) => key.proto === PROTO.tcp)?.record;
    // All but the first few by the short way.
    expect(bulk?.path.slowPackets).toBeLessThan(Number(bulk?.counters[1]?.packets) / 2);
    // What was too long stayed at the pod, and so did what told it. The connection's last packets may be on their way.
    const unaccounted = () =>
      [counted("RELAYED"), counted("RELAYED_BACK")].map((relayed, way) =>
        flowsFrom(far, there, FAR[family]).reduce(
          (left, { record }) => left - Number(record.counters[1 - way]?.packets ?? 0n),
          relayed - (before[way] as number) + tooLong() - tooLongBefore,
        ),
      );
    await expect.poll(unaccounted).toEqual([0, 0]);
    expect([near.flowsOf(here).length > 0 && flowsFrom(near, there, FAR[family])]).toEqual([[]]);
    for (const host of [near, far])
      expect(kind === PathKind.DIRECT ? { ...host.ownDrops(), TOO_LONG: 0 } : host.ownDrops()).toEqual(
        kind === PathKind.DIRECT ? { TOO_LONG: 0 } : {}, // a packet that isn't to be cut is told its length
      );
  });

  test("the pod sees the client's own address", async () => {
    lead(there);
    using client = await Actor.in(outside.far);
    const { localPort } = await client.do("open", { id: 1, host: near.underlay4, port: PORT });
    expect(there.netns.sh(`ss -Htn state established sport = :${POD_PORT}`)).toContain(
      `${FAR.ip4}]:${localPort}`,
    );
    await client.do("close", { id: 1 });
  });

  test.each(families)(
    "%s: a connection stays with its backend when the port leads elsewhere",
    async (family) => {
      lead(there);
      using client = await Actor.in(outside.far);
      await client.do("open", { id: 1, host: addressOf(family), port: PORT });
      await client.do("exchange", { id: 1, bytes: 10_000 });
      lead(here);
      await client.do("exchange", { id: 1, bytes: 10_000 });
      await client.do("open", { id: 2, host: addressOf(family), port: PORT });
      await client.do("exchange", { id: 2, bytes: 10_000 });
      lead(there);
      for (const id of [1, 2]) {
        await client.do("exchange", { id, bytes: 10_000 });
        await client.do("close", { id });
      }
    },
  );

  test.each(families)(
    "%s: a pod of the host is given the service's pod, wherever that is",
    async (family) => {
      for (const pod of [here, there]) {
        lead(pod);
        using client = await Actor.in(beside.netns);
        await converse(client, addressOf(family));
      }
    },
  );

  test.each(families)(
    "%s: nobody behind a port is said at once, another port is the host's own",
    async (family) => {
      const services = new TestServices(near.object);
      const before = near.ownDrops().NO_BACKEND;
      services.nodePort(9, family === "ip4" ? 4 : 6, EMPTY_PORT, PROTO.tcp, []);
      services.nodePort(10, family === "ip4" ? 4 : 6, EMPTY_PORT, PROTO.udp, []);
      using own = await Actor.in(near.netns);
      await own.do("listen", { port: STRANGE_PORT, family: 6 });
      using client = await Actor.in(outside.far);
      expect(await client.do("open", { id: 1, host: addressOf(family), port: EMPTY_PORT })).toEqual({
        error: "ECONNREFUSED",
      });
      await client.do("open", { id: 2, host: addressOf(family), port: STRANGE_PORT });
      await client.do("exchange", { id: 2, bytes: 10_000 });
      await client.do("close", { id: 2 });
      expect(near.ownDrops().NO_BACKEND).toBe((before ?? 0) + 1);
    },
  );

  test.each(families)(
    "%s: a program of the host's own goes before the service, but for who came before",
    async (family) => {
      lead(there);
      using client = await Actor.in(outside.far);
      await client.do("open", { id: 1, host: addressOf(family), port: PORT });
      await client.do("exchange", { id: 1, bytes: 10_000 });
      using own = await Actor.in(near.netns);
      await own.do("listen", { port: PORT, family: 6 });
      await client.do("open", { id: 2, host: addressOf(family), port: PORT });
      for (const id of [1, 2]) await client.do("exchange", { id, bytes: 10_000 });
      expect(near.netns.sh(`ss -Htn state established sport = :${PORT}`).trim().split("\n")).toHaveLength(1);
      for (const id of [1, 2]) await client.do("close", { id });
    },
  );

  test("what the pods' flows and classes add up to is what their interfaces count", async () => {
    for (const pod of [here, beside]) await expectBooksBalance(near, pod);
    await expectBooksBalance(far, there);
  });
});
