// The tun device with real packets, in namespaces made here: what goes up and down, whole and counted, what is dropped
// when nobody reads, and every way it can end.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  addAddress,
  addRoute,
  deleteLink,
  links,
  openObject,
  setLink,
  TunDevice,
  VNET_HEADER_BYTES,
  writeSetting,
} from "../lib/native.ts";
import { eventually, fixture, ingressOf, u32 } from "./fixture.ts";
import { type Namespace, Testbed } from "./testbed.ts";
import { echoRequest, isEchoReply, packetsOf, protocolOf } from "./tun-packet.ts";

const bed = new Testbed("tun");
afterAll(() => bed.close());

const UDP = 17;
const code = (value: string) => expect.objectContaining({ name: "BpfError", code: value });
const fd00 = (net: number, last: number): number[] => [0xfd, 0, 0, net, ...new Array(11).fill(0), last];
const names = (ns: Namespace): string[] => links(ns.path).map((link) => link.name);
const sent = (ns: Namespace) => links(ns.path).find((link) => link.name === "punt0")?.stats64.tx_packets;

let ns: Namespace;
let devices: TunDevice[];
beforeEach(() => {
  ns = bed.namespace();
  devices = [];
});
afterEach(() => Promise.all(devices.map((device) => device.close())));

function open(onBatch: (batch: Uint8Array) => void = () => {}, name = "punt0", where = ns): TunDevice {
  const device = TunDevice.open({ netns: where.path, name, mtu: 1500, queueLength: 10_000 }, onBatch);
  devices.push(device);
  return device;
}

/** Up, with 10.5.0.1/24 and fd00:5::1/64 (another `net` for 5), and silent by itself. */
function start(device: TunDevice, where = ns, net = 5): void {
  const { name, ifindex } = device;
  writeSetting(where.path, `net/ipv6/conf/${name}/addr_gen_mode`, "1");
  setLink({ netns: where.path, ifindex, up: true });
  addAddress({ netns: where.path, ifindex, address: `10.${net}.0.1`, prefix: 24 });
  addAddress({ netns: where.path, ifindex, address: `fd00:${net}::1`, prefix: 64, noDad: true });
}

const sendUdp = (to: string) => ns.run("bash", "-c", `echo -n hello > /dev/udp/${to}/4789`);

/** As many datagrams as fast as they go, each with its number in front, while this process's loop stands still. */
function flood(count: number, bytes: number): void {
  const script = `
    const socket = require("node:dgram").createSocket("udp4");
    let sent = 0;
    const next = () => {
      if (sent >= ${count}) return socket.close();
      let burst = 50;
      for (let i = 0; i < 50; i++) {
        const data = Buffer.alloc(${bytes});
        data.writeUInt32BE(sent++);
        socket.send(data, 4789, "10.5.0.9", () => --burst || next());
      }
    };
    next();`;
  ns.run(process.execPath, "-e", script);
}

describe("opening", () => {
  test("makes a device that is down, with its size and its queue", () => {
    const device = open();
    expect(links(ns.path).find((link) => link.name === "punt0")).toMatchObject({
      ...{ ifindex: device.ifindex, kind: "tun", mtu: 1500, up: false },
    });
    expect(ns.ip("link", "show", "punt0")).toContain("qlen 10000");
  });

  test("refuses a name that is taken, and leaves that device alone", () => {
    open();
    expect(() => open()).toThrow(expect.objectContaining({ code: "EBUSY", op: "tun_open", object: "punt0" }));
    ns.ip("tuntap", "add", "dev", "tun9", "mode", "tun");
    for (const name of ["lo", "tun9"]) expect(() => open(undefined, name)).toThrow(code("EBUSY"));
    expect(names(ns)).toEqual(["lo", "punt0", "tun9"]);
  });

  test("refused half-way, for a queue the kernel has no memory for, leaves no device", () => {
    const tooLong = { netns: ns.path, name: "punt0", mtu: 1500, queueLength: 1 << 20 };
    expect(() => TunDevice.open(tooLong, () => {})).toThrow(
      expect.objectContaining({ name: "BpfError", op: "tun_open", object: "punt0" }),
    );
    expect(names(ns)).toEqual(["lo"]);
  });

  test("in a namespace that isn't there is an error of that path", () => {
    const options = { netns: "/run/netns/nt-none", name: "punt0", mtu: 1500, queueLength: 10 };
    expect(() => TunDevice.open(options, () => {})).toThrow(
      expect.objectContaining({ code: "ENOENT", op: "netns_open", object: options.netns }),
    );
  });
});

describe("reading", () => {
  test.each([
    [4, "10.5.0.9", 20],
    [6, "fd00:5::9", 40],
  ])("an IPv%i packet comes whole, with its header in front", async (_, to, headBytes) => {
    const got: Buffer[] = [];
    start(open((batch) => got.push(...packetsOf(batch).filter((packet) => protocolOf(packet) === UDP))));
    sendUdp(to);
    await eventually("the packet", () => got.length === 1);
    const packet = got[0] as Buffer;
    expect(packet).toHaveLength(VNET_HEADER_BYTES + headBytes + 8 + 5);
    expect(packet.subarray(-5).toString()).toBe("hello");
    expect(packet.readUInt8(1)).toBe(0); // not segmented: nothing to do later
  });

  test("thousands come in order, many to a batch, and are counted", async () => {
    let batches = 0;
    const numbers: number[] = [];
    const device = open((batch) => {
      batches++;
      for (const packet of packetsOf(batch)) numbers.push(packet.readUInt32BE(VNET_HEADER_BYTES + 28));
    });
    start(device);
    flood(4000, 100);
    await eventually("all", () => numbers.length === 4000);
    expect(numbers).toEqual(Array.from({ length: 4000 }, (_, i) => i));
    expect(device.counts()).toEqual({ read: 4000n, written: 0n, dropped: 0n });
    expect(sent(ns)).toBe(4000n);
    expect(batches).toBeLessThan(400);
  });

  test("what JavaScript is too slow for is bounded and counted: read and dropped are all the device sent", async () => {
    let bytes = 0;
    let packets = 0;
    const device = open((batch) => {
      bytes += batch.byteLength;
      packets += packetsOf(batch).length;
    });
    start(device);
    flood(20_000, 1400);
    const blocked = device.counts();
    await eventually("all are accounted for", () => {
      const { read, dropped } = device.counts();
      return read + dropped === sent(ns) && BigInt(packets) === read;
    });
    expect(blocked.dropped).toBeGreaterThan(0n);
    expect(bytes).toBeLessThan(4 << 20); // of the 28 MB that came
    const before = packets;
    sendUdp("10.5.0.9");
    await eventually("it goes on", () => packets === before + 1);
  });

  test("an exception of the callback is the program's, and the next batch comes all the same", async () => {
    const uncaught: unknown[] = [];
    const handlers = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => uncaught.push(error));
    let batches = 0;
    try {
      start(
        open(() => {
          batches++;
          throw new Error(`batch ${batches}`);
        }),
      );
      sendUdp("10.5.0.9");
      await eventually("the first", () => uncaught.length === 1);
      sendUdp("10.5.0.9");
      await eventually("the second", () => uncaught.length === 2);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const handler of handlers) process.on("uncaughtException", handler);
    }
    expect(batches).toBe(2);
  });
});

describe("writing", () => {
  test.each([
    [4, [10, 5, 0, 9], [10, 5, 0, 1]],
    [6, fd00(5, 9), fd00(5, 1)],
  ] as const)(
    "an IPv%i packet arrives as received on the device, its header obeyed",
    async (family, from, to) => {
      const replies: Buffer[] = [];
      const device = open((batch) => replies.push(...packetsOf(batch).filter(isEchoReply)));
      start(device);
      // The kernel does so later, by a worker of its own.
      await eventually("it takes what is for its IPv6 address", () =>
        ns.run("ip", "-6", "route", "show", "table", "local", "dev", "punt0").includes("fd00:5::1"),
      );
      for (let i = 0; i < 10; i++) expect(device.write(echoRequest(family, [...from], [...to]))).toBe(true);
      await eventually("ten answers", () => replies.length === 10);
      expect(device.counts().written).toBe(10n);
      expect(links(ns.path).find((link) => link.name === "punt0")?.stats64.rx_packets).toBe(10n);
    },
  );

  test("is refused with false while the kernel holds too much, and goes on when it doesn't", async () => {
    const device = open();
    start(device);
    const sink = open(undefined, "sink0");
    setLink({ netns: ns.path, ifindex: sink.ifindex, up: true });
    ns.run(
      "tc",
      "qdisc",
      "add",
      "dev",
      "sink0",
      "root",
      "tbf",
      "rate",
      "8kbit",
      "burst",
      "2000",
      "limit",
      "64mb",
    );
    const object = openObject(fixture("redirect"));
    object.setRodata(".rodata", "target", u32(sink.ifindex));
    object.load();
    const program = object.program("redirect_all");
    const attach = ingressOf(device.ifindex, ns.path);
    const link = program.attach(attach);
    const packet = echoRequest(4, [10, 5, 0, 9], [10, 5, 0, 1], 1400);
    const mostPackets = 10_000;
    let taken = 0;
    while (taken < mostPackets && device.write(packet)) taken++;
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(mostPackets);
    expect(device.write(packet)).toBe(false);
    expect(device.counts().written).toBe(BigInt(taken));
    await sink.close();
    await eventually("room again", () => device.write(packet));
    for (const handle of [link, program, object]) handle.close();
  });

  test("to a device that is down is EIO, nonsense is EINVAL, less than a header is refused here", () => {
    const device = open();
    expect(() => device.write(echoRequest(4, [10, 5, 0, 9], [10, 5, 0, 1]))).toThrow(
      expect.objectContaining({ code: "EIO", op: "tun_write", object: "punt0" }),
    );
    start(device);
    const nonsense = Buffer.alloc(64);
    nonsense.writeUInt8(0x77, VNET_HEADER_BYTES);
    expect(() => device.write(nonsense)).toThrow(code("EINVAL"));
    expect(() => device.write(Buffer.alloc(VNET_HEADER_BYTES))).toThrow(RangeError);
    expect(() => device.write("x" as never)).toThrow(TypeError);
    expect(device.counts().written).toBe(0n);
  });
});

describe("a TCP stream carried from one device to another", () => {
  const RECEIVE = `
    const server = require("node:net").createServer((socket) => {
      let bytes = 0, sum = 0;
      socket.on("data", (data) => { bytes += data.length; for (const byte of data) sum = (sum * 31 + byte) >>> 0; });
      socket.on("end", () => { console.log("got " + bytes + " " + sum); server.close(); socket.end(); });
    });
    server.listen(7000, "::", () => console.log("listening"));`;
  const SEND = (to: string) => `
    const socket = require("node:net").connect(7000, "${to}", () => {
      const data = Buffer.alloc(8 << 20, (i) => i);
      for (let i = 0; i < data.length; i++) data[i] = (i * 7919) >> 3;
      let sum = 0;
      for (const byte of data) sum = (sum * 31 + byte) >>> 0;
      console.log("sent " + data.length + " " + sum);
      socket.end(data);
    });`;

  function output(where: Namespace, script: string): { text: () => string; ended: Promise<number | null> } {
    const child = spawn("nsenter", [`--net=${where.path}`, process.execPath, "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    return { text: () => text, ended: new Promise((resolve) => child.once("close", resolve)) };
  }

  test.each([
    [4, "10.6.0.1"],
    [6, "fd00:6::1"],
  ])("over IPv%i arrives unchanged, in packets that nobody had to segment", async (_, to) => {
    const there = bed.namespace();
    let largest = 0;
    const carry = (into: () => TunDevice) => (batch: Uint8Array) => {
      for (const packet of packetsOf(batch)) {
        largest = Math.max(largest, packet.length);
        into().write(packet);
      }
    };
    const a: TunDevice = open(carry(() => b));
    const b: TunDevice = open(
      carry(() => a),
      "punt0",
      there,
    );
    start(a, ns, 5);
    start(b, there, 6);
    for (const [where, device, net] of [[ns, a, 6] as const, [there, b, 5] as const])
      for (const destination of [`10.${net}.0.0/24`, `fd00:${net}::/64`])
        addRoute({ netns: where.path, destination, ifindex: device.ifindex });
    const receiver = output(there, RECEIVE);
    await eventually("the receiver listens", () => receiver.text().includes("listening"));
    const sender = output(ns, SEND(to));
    expect(await sender.ended).toBe(0);
    expect(await receiver.ended).toBe(0);
    const amount = /(?<=sent ).*/.exec(sender.text())?.[0];
    expect(amount).toMatch(/^8388608 \d+$/);
    expect(receiver.text()).toContain(`got ${amount}`);
    expect(largest).toBeGreaterThan(20_000);
  });
});

describe("ending", () => {
  test("takes the device away; then writing throws ECLOSED, and the counts stay", async () => {
    const device = open();
    start(device);
    device.write(echoRequest(4, [10, 5, 0, 9], [10, 5, 0, 1]));
    const closing = device.close();
    expect(() => device.write(echoRequest(4, [10, 5, 0, 9], [10, 5, 0, 1]))).toThrow(code("ECLOSED"));
    expect(device.close()).toBe(closing);
    await closing;
    expect(names(ns)).toEqual(["lo"]);
    expect(device.counts().written).toBe(1n);
  });

  test("in the middle of a flood loses nothing from the count", async () => {
    let packets = 0;
    const device = open((batch) => {
      packets += packetsOf(batch).length;
    });
    start(device);
    flood(5000, 1400);
    await device.close();
    const { read } = device.counts();
    expect(packets).toBe(Number(read));
  });

  test("a device that somebody removed is told to who writes, and closes", async () => {
    const device = open();
    start(device);
    deleteLink({ netns: ns.path, ifindex: device.ifindex });
    expect(() => device.write(echoRequest(4, [10, 5, 0, 9], [10, 5, 0, 1]))).toThrow(code("EBADFD"));
    await device.close();
  });

  test("opened and closed fifty times leaves no descriptor and no device", async () => {
    const descriptors = () => readdirSync("/proc/self/fd").length;
    await open().close();
    const before = descriptors();
    for (let i = 0; i < 50; i++) await open().close();
    expect(descriptors()).toBe(before);
    expect(names(ns)).toEqual(["lo"]);
  });
});
