/*
 * Masquerading with real packets: a pod reaches an outside that knows no way to it, over the host's uplink and a router
 * behind it, and nothing is lost on the way back. What single packets look like is nat-packets.kernel.test.ts's.
 */
import { PathKind } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { expectBooksBalance } from "./books.ts";
import { TestHost, type TestPod } from "./forwarder.ts";
import { FAR, Outside } from "./outside.ts";
import { addressBytes } from "./packet-builder.ts";

const [FIRST, LAST] = [20_000, 31_999];
const NARROW_MTU = 1300;

let host: TestHost;
let outside: Outside;
let pods: [TestPod, TestPod];

beforeAll(() => {
  host = new TestHost(1);
  outside = new Outside(host);
  host.masquerade(FIRST, LAST);
  pods = [host.addPod("a"), host.addPod("b")];
});
afterAll(() => {
  host[Symbol.dispose]();
  outside[Symbol.dispose]();
});

const families = ["ip4", "ip6"] as const;
const fails = (act: () => string): string => {
  try {
    return `succeeded: ${act()}`;
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout);
  }
};

test.each(families)("%s: two pods at once reach one service outside by TCP, UDP and echo", async (family) => {
  const port = family === "ip4" ? 7004 : 7006;
  using server = await Actor.in(outside.far);
  await server.do("listen", { port, family: family === "ip4" ? 4 : 6 });
  await server.do("listenUdp", { port, family: family === "ip4" ? 4 : 6 });
  await Promise.all(
    pods.map(async ({ netns }) => {
      using client = await Actor.in(netns);
      netns.sh(`ping -c 3 -i 0.2 -W 2 ${FAR[family]}`);
      expect(await client.do("open", { id: 1, host: FAR[family], port })).toHaveProperty("localPort");
      await client.do("exchange", { id: 1, bytes: 3_000_000 });
      await client.do("close", { id: 1 });
      await client.do("udp", { host: FAR[family], port, bytes: 1200, count: 5, answer: true });
      await client.do("udp", { host: FAR[family], port, bytes: 5000, count: 5, answer: true });
    }),
  );
  for (const pod of pods) {
    const flows = host
      .flowsOf(pod)
      .filter(({ key }) => Buffer.compare(key.daddr, addressBytes(FAR[family])) === 0);
    const whole = flows.filter(({ record }) => record.path.kind === PathKind.MASQUERADE);
    expect(new Set(whole.map(({ key }) => key.proto)).size).toBe(3);
    const bulk = whole.find(({ key }) => key.proto === 6)?.record;
    expect(Number(bulk?.counters[0]?.segments)).toBeGreaterThan(Number(bulk?.counters[0]?.packets));
  }
  expect(host.ownDrops()).toEqual({});
});

test("the outside sees the host's address only", async () => {
  using server = await Actor.in(outside.far);
  await server.do("listen", { port: 7010 });
  using client = await Actor.in(pods[0].netns);
  await client.do("open", { id: 1, host: FAR.ip4, port: 7010 });
  const seen = outside.far.sh("ss -Htn state established sport = :7010");
  const [, port = 0] = /10\.200\.0\.1:(\d+)/.exec(seen) ?? [];
  expect(Number(port)).toBeGreaterThanOrEqual(FIRST);
  expect(Number(port)).toBeLessThanOrEqual(LAST);
  await client.do("close", { id: 1 });
});

test.each(families)("%s: the host and the router behind it are hops of the way", (family) => {
  const { netns } = pods[0];
  expect(fails(() => netns.sh(`ping -c 1 -W 2 -t 1 ${FAR[family]}`))).toMatch(/exceeded/i);
  expect(fails(() => netns.sh(`ping -c 1 -W 2 -t 2 ${FAR[family]}`))).toMatch(
    family === "ip4" ? /10\.200\.0\.254.*exceeded/i : /fd00:200::fe.*exceeded/i,
  );
  netns.sh(`ping -c 1 -W 2 -t 3 ${FAR[family]}`);
});

test.each(families)("%s: a closed port outside is told to the pod", async (family) => {
  const { netns } = pods[0];
  const args = ["-e", UDP_TO_NOBODY, FAR[family]];
  expect(netns.run(process.execPath, ...args)).toContain("ECONNREFUSED");
});

describe("a narrow link outside", () => {
  beforeAll(() => {
    outside.router.sh(`ip link set f0 mtu ${NARROW_MTU}`);
    outside.far.sh(`ip link set eth0 mtu ${NARROW_MTU}`);
  });

  test.each(families)("%s: the pod learns its MTU", (family) => {
    const { netns } = pods[1];
    const flush = family === "ip4" ? "ip route flush cache" : "ip -6 route flush cache";
    netns.sh(flush);
    fails(() => netns.sh(`ping -c 1 -W 1 -M do -s 1400 ${FAR[family]}`));
    expect(netns.sh(`ip route get ${FAR[family]}`)).toContain(`mtu ${NARROW_MTU}`);
    netns.sh(`ping -c 1 -W 2 -M do -s 1200 ${FAR[family]}`);
  });

  test.each(families)("%s: a bulk transfer finds its way", async (family) => {
    const port = family === "ip4" ? 7024 : 7026;
    using server = await Actor.in(outside.far);
    await server.do("listen", { port, family: family === "ip4" ? 4 : 6 });
    using client = await Actor.in(pods[0].netns);
    await client.do("open", { id: 1, host: FAR[family], port });
    await client.do("exchange", { id: 1, bytes: 2_000_000 });
    await client.do("close", { id: 1 });
  });
});

test("the host's own traffic is its own, also with a reserved port", async () => {
  using server = await Actor.in(outside.far);
  await server.do("listen", { port: 7030 });
  using own = await Actor.in(host.netns);
  await own.do("open", { id: 1, host: FAR.ip4, port: 7030 });
  await own.do("exchange", { id: 1, bytes: 100_000 });
  await own.do("close", { id: 1 });
  await own.do("listen", { port: FIRST + 5 });
  using stranger = await Actor.in(outside.far);
  expect(await stranger.do("open", { id: 1, host: host.underlay4, port: FIRST + 5 })).toHaveProperty(
    "localPort",
  );
  await stranger.do("exchange", { id: 1, bytes: 1000 });
  host.netns.sh(`ping -c 1 -W 2 ${FAR.ip4}`);
});

test.each([0, 1] as const)(
  "what pod %s's flows and classes add up to is what its interface counts",
  async (index) => await expectBooksBalance(host, pods[index]),
);

/** Prints what a connected datagram socket is told when nobody listens at the far end. */
const UDP_TO_NOBODY = `
const host = process.argv[1];
const socket = require("node:dgram").createSocket(host.includes(":") ? "udp6" : "udp4");
socket.on("error", (error) => { console.log(error.code); process.exit(0); });
socket.connect(7099, host, () => {
  setInterval(() => socket.send("x"), 50);
});
setTimeout(() => process.exit(1), 5000);
`;
