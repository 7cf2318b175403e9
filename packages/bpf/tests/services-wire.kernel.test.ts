/*
 * Services with real packets of sockets that nobody gave a backend: to a pod of the same host and of another one, back
 * from the virtual address, and refused where nobody serves. What single packets look like is service-packets.kernel.test.ts's.
 */
import { isDeepStrictEqual } from "node:util";
import { PathKind } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Actor } from "./actor.ts";
import { expectBooksBalance } from "./books.ts";
import { TestHost, type TestPod, wire } from "./forwarder.ts";
import { PROTOCOL, TestServices } from "./service-tables.ts";
import { eventually } from "./waiting.ts";

const CASES = [
  ["ip4", "10.96.0.1"],
  ["ip6", "fd00:96::1"],
] as const;
const PORTS = { here: 81, there: 82, nobody: 83 } as const;
const SERVED = 7000;

let near: TestHost;
let far: TestHost;
let client: TestPod;
let servers: { here: TestPod; there: TestPod };
const actors: Actor[] = [];

describe.each(["DIRECT", "OVERLAY"] as const)("with hosts that are reached by %s", (kind) => {
  beforeAll(async () => {
    near = new TestHost(1);
    far = new TestHost(2);
    wire(near, far);
    client = near.addPod("a", { mtu: 1450 });
    servers = { here: near.addPod("b", { mtu: 1450 }), there: far.addPod("c", { mtu: 1450 }) };
    near.reach(far, PathKind[kind]);
    far.reach(near, PathKind[kind]);
    const services = new TestServices(near.object).range();
    let number = 0;
    for (const [family, address] of CASES) {
      services.know(address);
      for (const protocol of Object.values(PROTOCOL)) {
        for (const where of ["here", "there"] as const) {
          const backend = services.backend(++number, { address: servers[where][family], port: SERVED });
          services.set(number, { address, port: PORTS[where] }, protocol, [backend]);
        }
        services.set(++number, { address, port: PORTS.nobody }, protocol, []);
      }
    }
    await Promise.all(
      Object.values(servers).map(async ({ netns }) => {
        const actor = await Actor.in(netns);
        actors.push(actor);
        // IPv6 sockets take both families.
        for (const op of ["listen", "listenUdp"]) await actor.do(op, { port: SERVED, family: 6 });
      }),
    );
  });
  afterAll(() => {
    for (const actor of actors.splice(0)) actor[Symbol.dispose]();
    near[Symbol.dispose]();
    far[Symbol.dispose]();
  });

  test.each(CASES)(
    "%s: both backends answer over TCP and UDP, and nothing is lost",
    async (_family, host) => {
      await Promise.all(
        (["here", "there"] as const).map(async (where, id) => {
          using actor = await Actor.in(client.netns);
          const port = PORTS[where];
          expect(await actor.do("open", { id, host, port })).toHaveProperty("localPort");
          await actor.do("exchange", { id, bytes: 2_000_000 });
          await actor.do("close", { id });
          await actor.do("udp", { host, port, bytes: 1200, count: 5, answer: true });
          await actor.do("udp", { host, port, bytes: 5000, count: 3, answer: true });
        }),
      );
      expect([near.ownDrops(), far.ownDrops()]).toEqual([{}, {}]);
    },
  );

  test.each(CASES)(
    "%s: where nobody serves, connections and datagrams are refused at once",
    async (_family, host) => {
      using actor = await Actor.in(client.netns);
      for (const port of [PORTS.nobody, 99])
        expect(await actor.do("open", { id: port, host, port })).toEqual({ error: "ECONNREFUSED" });
      const asked = client.netns.run(process.execPath, "-e", UDP_TO_NOBODY, host, String(PORTS.nobody));
      expect(asked).toContain("ECONNREFUSED");
    },
  );

  test("what the client's flows and classes add up to is what its interface counts, and what its servers' do", async () => {
    await expectBooksBalance(near, client);
    const flows = near.flowsOf(client);
    for (const [where, host] of [
      ["here", near],
      ["there", far],
    ] as const) {
      const [asked, served] = await eventually("both ends have counted the same", () => {
        const asked = flows.filter(({ key }) => key.dport === PORTS[where]);
        const served = host.flowsOf(servers[where]).filter(({ key }) => key.sport === SERVED);
        const packets = (direction: number, of: typeof flows) =>
          of.reduce((sum, { record }) => sum + (record.counters[direction]?.packets ?? 0n), 0n);
        const ends = [asked, served].map((of) => [packets(0, of), packets(1, of)]);
        return isDeepStrictEqual(ends[0], ends[1]?.toReversed()) && ([asked, served] as const);
      });
      expect(asked.length).toBe(served.length);
      for (const { record } of asked) expect(record.path.natDstPort).toBe(SERVED);
    }
  });

  test.each(CASES)(
    "%s: a pod's connections of one port, to a service and to its backend, go on beside each other",
    async (family, virtual) => {
      using actor = await Actor.in(client.netns);
      let id = 0;
      let port = family === "ip4" ? 50_000 : 51_000;
      for (const where of ["here", "there"] as const) {
        const service = { host: virtual, port: PORTS[where] };
        const backend = { host: servers[where][family], port: SERVED };
        for (const [first, second] of [
          [service, backend],
          [backend, service],
        ] as const) {
          const ids = [id++, id++] as const;
          const opened = { localPort: ++port };
          client.netns.run("sysctl", "-qw", `net.ipv4.ip_local_port_range=${port} ${port}`);
          expect(await actor.do("open", { id: ids[0], ...first })).toEqual(opened);
          await actor.do("exchange", { id: ids[0], bytes: 1000 });
          expect(await actor.do("open", { id: ids[1], ...second })).toEqual(opened);
          for (const bytes of [1, 100_000]) for (const id of ids) await actor.do("exchange", { id, bytes });
          for (const id of ids) await actor.do("close", { id });
        }
      }
      expect(near.ownDrops().NO_PORT).toBeUndefined();
    },
  );
});

/** Prints what a connected datagram socket is told when nobody serves. */
const UDP_TO_NOBODY = `
const [host, port] = process.argv.slice(1);
const socket = require("node:dgram").createSocket(host.includes(":") ? "udp6" : "udp4");
socket.on("error", (error) => { console.log(error.code); process.exit(0); });
socket.connect(Number(port), host, () => {
  setInterval(() => socket.send("x"), 50);
});
setTimeout(() => process.exit(1), 5000);
`;
