// Programs at work: test runs, attachments of every kind with real packets and calls, links, iterators, probes.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type Attach,
  type BpfLink,
  type BpfMap,
  type BpfObject,
  FEATURES,
  isSupported,
  links,
  listLinks,
  openObject,
  openPinnedLink,
  openPinnedProgram,
  runStats,
} from "../lib/native.ts";
import { eventually, fixture, HAS_TCX, total, u32 } from "./fixture.ts";
import { type Namespace, Testbed } from "./testbed.ts";

const bed = new Testbed("program");
afterAll(() => bed.close());

const SLOT = { packet: 0, other: 1, last: 2, frame: 3 } as const;

describe("test runs", () => {
  let object: BpfObject;
  beforeAll(() => {
    object = openObject(fixture("packets"));
    object.load();
  });
  afterAll(() => object.close());

  test("a tcx program returns NEXT and the packet untouched", () => {
    const data = Buffer.from(Array.from({ length: 60 }, (_, i) => i));
    const result = object.program("count_packet").testRun({ data });
    expect(result.retval | 0).toBe(-1);
    expect(result.dataOut).toEqual(data);
  });

  test("a caller runs what its slot holds, and what replaces it from then on", () => {
    const data = Buffer.alloc(60);
    const run = () => object.program("call_slot").testRun({ data }).retval | 0;
    const counts = object.map("counts");
    const countOf = (slot: number) => total(counts.lookup(u32(slot)));
    const called = object.map("called");
    expect(run()).toBe(0);
    called.setProgram(0, object.program("count_packet"));
    const [packet, other] = [countOf(SLOT.packet), countOf(SLOT.other)];
    expect(run()).toBe(-1);
    called.setProgram(0, object.program("count_other"));
    expect(run()).toBe(-1);
    expect([countOf(SLOT.packet) - packet, countOf(SLOT.other) - other]).toEqual([1n, 1n]);
    expect(() => called.setProgram(1, object.program("count_other"))).toThrow(/index/);
    expect(() => called.setProgram(0, object.program("count_frame"))).toThrow(/EINVAL.*count_frame/);
    expect(() => counts.setProgram(0, object.program("count_other"))).toThrow(/counts/);
  });

  test("repeat runs the program that often", () => {
    const counts = object.map("counts");
    const before = total(counts.lookup(u32(SLOT.frame)));
    expect(object.program("count_frame").testRun({ data: Buffer.alloc(64), repeat: 1000 }).retval).toBe(2);
    expect(total(counts.lookup(u32(SLOT.frame))) - before).toBe(1000n);
  });

  test("the chosen CPU's slot is written, and this thread stays where it was", () => {
    const counts = object.map("counts");
    const slot = (cpu: number) => counts.lookup(u32(SLOT.other))?.readBigUInt64LE(cpu * 8) ?? -1n;
    const before = [slot(0), slot(1)];
    const affinity = readFileSync("/proc/self/status", "utf8").match(/Cpus_allowed:.*/)?.[0];
    for (const cpu of [0, 1, 1]) object.program("count_other").testRun({ data: Buffer.alloc(64), cpu });
    expect([slot(0) - (before[0] ?? 0n), slot(1) - (before[1] ?? 0n)]).toEqual([1n, 2n]);
    expect(readFileSync("/proc/self/status", "utf8").match(/Cpus_allowed:.*/)?.[0]).toBe(affinity);
  });

  test("room too small for the packet is an error that says so", () => {
    const run = () => object.program("count_packet").testRun({ data: Buffer.alloc(64), dataOutSize: 8 });
    expect(run).toThrow(/ENOSPC.*dataOutSize/);
  });

  test("a context goes in and comes out", () => {
    const ctx = Buffer.alloc(192);
    ctx.writeUInt32LE(77, 8); // __sk_buff.mark
    const result = object.program("count_other").testRun({ data: Buffer.alloc(64), ctx });
    expect(result.ctxOut.readUInt32LE(8)).toBe(77);
  });

  test("a device in the context is looked up in the given namespace", () => {
    const ns = bed.namespace();
    const ctx = Buffer.alloc(24);
    ctx.writeUInt32LE(14, 4); // xdp_md.data_end: data to data_end is the packet
    ctx.writeUInt32LE(1, 12); // ingress_ifindex: loopback
    ctx.writeUInt32LE(14, 4);
    const data = Buffer.alloc(14);
    expect(object.program("count_frame").testRun({ data, ctx, netns: ns.path }).retval).toBe(2);
    ctx.writeUInt32LE(4711, 12);
    expect(() => object.program("count_frame").testRun({ data, ctx, netns: ns.path })).toThrow(/test_run/);
  });

  test("a namespace that isn't there is named", () => {
    const run = () =>
      object.program("count_packet").testRun({ data: Buffer.alloc(64), netns: "/run/netns/nt-none" });
    expect(run).toThrow(expect.objectContaining({ code: "ENOENT", object: "/run/netns/nt-none" }));
  });

  test("run-time statistics count while they are on", () => {
    const program = object.program("count_other");
    const stats = runStats();
    program.testRun({ data: Buffer.alloc(64), repeat: 10 });
    stats.close();
    const { runCount } = program.counters();
    expect(runCount).toBeGreaterThan(0n);
    expect(program.verifiedInstructions).toBeGreaterThan(5);
  });
});

describe.skipIf(!HAS_TCX)("on a device in another namespace", () => {
  let a: Namespace;
  let b: Namespace;
  let object: BpfObject;
  let counts: BpfMap;
  let ifindex: number;
  let used: BpfLink[];
  const pins = bed.pins();
  const count = (slot: number) => total(counts.lookup(u32(slot)));
  const ping = (times: number) => a.run("ping", "-q", "-c", `${times}`, "-i", "0.01", "-W", "5", "10.9.0.2");
  const attach = (program: string, to: Attach) => {
    const link = object.program(program).attach(to);
    used.push(link);
    return link;
  };

  beforeAll(() => {
    [a, b] = bed.quietPair();
    ifindex = links(b.path).find((l) => l.name === "eth0")?.ifindex ?? 0;
  });
  beforeEach(() => {
    object = openObject(fixture("packets"));
    object.load();
    counts = object.map("counts");
    used = [];
  });
  afterEach(() => {
    for (const link of used) link.close();
    for (const pin of readdirSync(pins)) rmSync(join(pins, pin));
    object.close();
  });

  const tcx = (direction: "ingress" | "egress", position?: "first" | "last") =>
    ({ kind: "tcx", ifindex, direction, netns: b.path, ...(position ? { position } : {}) }) as const;

  test("tcx sees each packet of its direction and lets it on", () => {
    const ingress = attach("count_packet", tcx("ingress"));
    const egress = attach("count_other", tcx("egress"));
    ping(5);
    expect([count(SLOT.packet), count(SLOT.other)]).toEqual([5n, 5n]);
    const { id } = object.program("count_packet");
    expect(ingress.info()).toMatchObject({ type: "tcx", ifindex, attachType: 46, progId: id });
    expect(egress.info().attachType).toBe(47);
  });

  test("'first' goes before, 'last' behind what is attached", () => {
    attach("count_last", tcx("ingress"));
    attach("count_other", tcx("ingress", "last"));
    attach("count_packet", tcx("ingress", "first"));
    ping(3);
    expect([count(SLOT.packet), count(SLOT.last), count(SLOT.other)]).toEqual([3n, 3n, 0n]);
  });

  test("closing the only handle detaches", async () => {
    const link = attach("count_packet", tcx("ingress"));
    link.close();
    ping(2);
    expect(count(SLOT.packet)).toBe(0n);
    await eventually("the link is gone", () => !listLinks().some((l) => l.id === link.id));
  });

  test("a pinned link outlives its handle, is found, updated and detached", () => {
    const path = `${pins}/link`;
    const first = attach("count_packet", tcx("ingress"));
    first.pin(path);
    first.close();
    ping(2);
    expect(count(SLOT.packet)).toBe(2n);
    const found = openPinnedLink(path);
    used.push(found);
    expect(found.id).toBe(first.id);
    found.update(object.program("count_other"));
    ping(3);
    expect([count(SLOT.packet), count(SLOT.other)]).toEqual([2n, 3n]);
    found.detach();
    ping(2);
    expect([count(SLOT.packet), count(SLOT.other)]).toEqual([2n, 3n]);
    expect(() => openPinnedLink(path)).toThrow(/ENOENT/);
    expect(found.info().ifindex).toBe(0);
  });

  test("unpin leaves the attachment to its handle", () => {
    const path = `${pins}/unpinned`;
    const link = attach("count_packet", tcx("ingress"));
    expect(() => link.unpin()).toThrow(/ENOENT/);
    link.pin(path);
    link.unpin();
    expect(() => openPinnedLink(path)).toThrow(/ENOENT/);
    ping(1);
    link.close();
    ping(1);
    expect(count(SLOT.packet)).toBe(1n);
  });

  test("a program found by its pin is attached like any other", () => {
    const path = `${pins}/program`;
    object.program("count_packet").pin(path);
    const program = openPinnedProgram(path);
    used.push(program.attach(tcx("ingress")));
    ping(2);
    expect(count(SLOT.packet)).toBe(2n);
    program.close();
  });

  test("XDP sees frames and passes them", () => {
    const link = attach("count_frame", { kind: "xdp", ifindex, netns: b.path, flags: 2 });
    ping(3);
    expect(count(SLOT.frame)).toBe(3n);
    expect(link.info()).toMatchObject({ type: "xdp", ifindex });
  });

  test("an ifindex means the given namespace's, never this one's", () => {
    const other = bed.namespace();
    const wrong = { ...tcx("ingress"), ifindex: 4711, netns: other.path };
    expect(() => object.program("count_packet").attach(wrong)).toThrow(/ENODEV.*ifindex 4711/);
  });

  test("a program of the wrong type is refused with the place", () => {
    expect(() => object.program("count_frame").attach(tcx("ingress"))).toThrow(/EINVAL.*tcx ingress/);
  });

  test("a link tells that its device is gone", () => {
    const [, d] = bed.pair();
    const device = links(d.path).find((l) => l.name === "eth0")?.ifindex ?? 0;
    const link = attach("count_packet", { ...tcx("ingress"), ifindex: device, netns: d.path });
    d.ip("link", "del", "eth0");
    expect(link.info().ifindex).toBe(0);
  });
});

describe("on hooks that are no device", () => {
  const SLOTS = { tpBtf: 0, rawTp: 1, tracepoint: 2, uprobe: 3, sockops: 4, connect: 5 } as const;
  let object: BpfObject;
  let counts: BpfMap;
  const count = (slot: number) => counts.lookup(u32(slot))?.readBigUInt64LE(0) ?? -1n;

  beforeEach(() => {
    object = openObject(fixture("hooks"));
    object.setRodata(".rodata", "only_tgid", u32(process.pid));
    object.load();
    counts = object.map("counts");
  });
  afterEach(() => object.close());

  test("tp_btf sees this process's system calls until it is closed", () => {
    const link = object.program("on_tp_btf").attach({ kind: "tracing" });
    readFileSync("/proc/self/comm");
    expect(count(SLOTS.tpBtf)).toBeGreaterThan(0n);
    expect(link.info().progId).toBe(object.program("on_tp_btf").id);
    link.close();
    readFileSync("/proc/self/comm");
    const after = count(SLOTS.tpBtf);
    readFileSync("/proc/self/comm");
    expect(count(SLOTS.tpBtf)).toBe(after);
  });

  test("detach ends a tracing link too, though the kernel can't force it", () => {
    const link = object.program("on_tp_btf").attach({ kind: "tracing", cookie: 5n });
    expect(count(SLOTS.tpBtf)).toBeGreaterThan(0n);
    link.detach();
    readFileSync("/proc/self/comm");
    const after = count(SLOTS.tpBtf);
    readFileSync("/proc/self/comm");
    expect(count(SLOTS.tpBtf)).toBe(after);
    expect(() => link.info()).toThrow(/ECLOSED/);
  });

  test("a raw tracepoint sees the same", () => {
    const link = object.program("on_raw_tp").attach({ kind: "raw_tracepoint", name: "sys_enter" });
    readFileSync("/proc/self/comm");
    expect(count(SLOTS.rawTp)).toBeGreaterThan(0n);
    expect(link.info().type).toBe("raw_tracepoint");
    link.close();
    const wrong = () => object.program("on_raw_tp").attach({ kind: "raw_tracepoint", name: "sys_enterr" });
    expect(wrong).toThrow(/ENOENT.*sys_enterr/);
  });

  test("a uprobe fires when the function of a binary is called", () => {
    // The entry point of a program is called once a run.
    const header = readFileSync("/usr/bin/true").subarray(0, 64);
    const offset = Number(header.readBigUInt64LE(24));
    const link = object
      .program("on_uprobe")
      .attach({ kind: "perf", event: { type: "uprobe", path: "/usr/bin/true", offset } });
    const before = count(SLOTS.uprobe);
    for (let i = 0; i < 3; i++) execFileSync("/usr/bin/true");
    expect(count(SLOTS.uprobe) - before).toBeGreaterThanOrEqual(3n);
    expect(link.info().type).toBe("perf");
    link.close();
    const missing = { kind: "perf", event: { type: "uprobe", path: "/nowhere", offset: 0 } } as const;
    expect(() => object.program("on_uprobe").attach(missing)).toThrow(/nowhere.*ENOENT/);
  });

  test("a tracepoint of tracefs sees this process's system calls", () => {
    bed.tracefs();
    const event = { type: "tracepoint", category: "raw_syscalls", name: "sys_enter" } as const;
    const link = object.program("on_tracepoint").attach({ kind: "perf", event, cookie: 4n });
    readFileSync("/proc/self/comm");
    expect(count(SLOTS.tracepoint)).toBeGreaterThan(0n);
    link.close();
  });

  test("a perf event this kernel doesn't have is an error that says which", () => {
    const tracepoint = { kind: "perf", event: { type: "tracepoint", category: "no", name: "such" } } as const;
    expect(() => object.program("on_tracepoint").attach(tracepoint)).toThrow(/tracepoint no\/such/);
    const kprobe = { kind: "perf", event: { type: "kprobe", function: "no_such_function" } } as const;
    expect(() => object.program("on_uprobe").attach(kprobe)).toThrow(/no_such_function/);
  });

  test("cgroup programs see the connections of their cgroup and let them through", async () => {
    const cgroup = bed.cgroup();
    const sockops = object.program("on_sockops").attach({ kind: "cgroup", path: cgroup, multi: true });
    const connect4 = object.program("on_connect4").attach({ kind: "cgroup", path: cgroup });
    const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const script = `require("fs").writeFileSync("${cgroup}/cgroup.procs", String(process.pid));
      require("net").connect(${port}, "127.0.0.1").on("end", () => process.exit(0)).resume();`;
    const child = spawn(process.execPath, ["-e", script], { stdio: "inherit" });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    server.close();
    expect(code).toBe(0);
    expect(count(SLOTS.connect)).toBe(1n);
    expect(count(SLOTS.sockops)).toBeGreaterThan(0n);
    expect(connect4.info().cgroupId).toBe(sockops.info().cgroupId);
    sockops.close();
    connect4.close();
    const missing = () => object.program("on_sockops").attach({ kind: "cgroup", path: `${cgroup}/none` });
    expect(missing).toThrow(expect.objectContaining({ code: "ENOENT", op: "cgroup_open" }));
  });

  test("iter/tcp lists the sockets of the namespace it runs in, and of no other", async () => {
    const ns = bed.namespace();
    const child = spawn("nsenter", [
      `--net=${ns.path}`,
      process.execPath,
      "-e",
      `require("net").createServer().listen(7654, "127.0.0.1", () => console.log("up"))`,
    ]);
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      const ports = (bytes: Buffer) =>
        new Set(Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(i * 2)));
      expect([...ports(object.program("list_tcp").iterate({ netns: ns.path }))]).toEqual([7654]);
      expect(ports(object.program("list_tcp").iterate()).has(7654)).toBe(false);
    } finally {
      child.kill();
      await new Promise((resolve) => child.once("exit", resolve));
    }
  });

  test("an iterator that writes more than allowed is an error and not a cut", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const client = connect((server.address() as { port: number }).port, "127.0.0.1");
    await new Promise((resolve) => client.once("connect", resolve));
    expect(() => object.program("list_tcp").iterate({ maxBytes: 1 })).toThrow(/E2BIG.*more than 1 bytes/);
    client.destroy();
    server.close();
  });
});

describe("what the kernel can do", () => {
  test("every feature is either there or has a reason", () => {
    for (const feature of FEATURES) {
      const { supported, reason } = isSupported(feature);
      expect(
        supported ? reason === undefined : /^.+: E[A-Z0-9]+/.test(reason ?? ""),
        `${feature}: ${reason}`,
      ).toBe(true);
    }
  });

  test("what the other tests use is supported", () => {
    for (const feature of [
      "btf",
      "ringbuf",
      "batch",
      "tcx",
      "tracing",
      "iter",
      "sockops",
      "cgroup_link",
    ] as const) {
      expect(isSupported(feature)).toEqual({ supported: true });
    }
  });

  /** A link without a pin lives by a descriptor of its process. */
  const heldLinks = (): string[] =>
    readdirSync("/proc/self/fdinfo").flatMap((fd) => {
      const file = `/proc/self/fdinfo/${fd}`;
      // The folder's own descriptor is gone by now.
      const link = existsSync(file) ? /^link_id:\s*(\d+)/m.exec(readFileSync(file, "utf8")) : null;
      return link ? [`${link[1]}`] : [];
    });

  test("probing leaves no link and no cgroup behind", () => {
    const before = heldLinks();
    const folder = join(bed.cgroup(), "inner");
    mkdirSync(folder);
    writeFileSync(join(folder, "cgroup.procs"), "");
    rmdirSync(folder);
    for (const feature of FEATURES) isSupported(feature);
    expect(heldLinks()).toEqual(before);
  });

  test("an unknown feature is refused with a suggestion", () => {
    expect(() => isSupported("tcxx" as never)).toThrow("did you mean 'tcx'");
  });
});
