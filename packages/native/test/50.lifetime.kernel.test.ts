// Misuse and endings: use after close, handles nobody closed, threads that end in the middle of a read. None of it may
// crash or leave anything in the kernel. What could take the process down runs in a process of its own.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BtfView, listLinks, listPrograms, openObject, RingReader, runStats } from "../lib/native.ts";
import { eventually, fixture, ingressOf, u32, u64 } from "./fixture.ts";
import { Testbed } from "./testbed.ts";

const bed = new Testbed("lifetime");
afterAll(() => bed.close());

const CLOSED = expect.objectContaining({ name: "BpfError", code: "ECLOSED" });

/** Runs a scenario of lifetime-scenarios.ts in its own process. */
function scenario(
  name: string,
  ...under: string[]
): { status: number | null; signal: string | null; output: string } {
  const argv = ["--expose-gc", "--import", "tsx", join(import.meta.dirname, "lifetime-scenarios.ts"), name];
  const [command = "", ...rest] = [...under, process.execPath, ...argv];
  const { status, signal, stdout, stderr } = spawnSync(command, rest, { encoding: "utf8", timeout: 50_000 });
  return { status, signal, output: stdout + stderr };
}

describe("after close", () => {
  test("every method of an object throws ECLOSED", () => {
    const object = openObject(fixture("packets"));
    object.close();
    const calls = [
      () => object.setRodata(".rodata", "limits", u32(1, 2)),
      () => object.setAutoload("count_packet", true),
      () => object.setMaxEntries("counts", 1),
      () => object.pinMap("counts", "/sys/fs/bpf/nt-never"),
      () => object.load(),
      () => object.program("count_packet"),
      () => object.programs(),
      () => object.map("counts"),
      () => object.maps(),
      () => object.btf(),
    ];
    for (const call of calls) expect(call).toThrow(CLOSED);
    object.close();
  });

  test("every method of a map throws ECLOSED", () => {
    const object = openObject(fixture("maps"));
    object.load();
    const map = object.map("hash");
    const ring = object.map("ring");
    object.close();
    map.close();
    ring.close();
    const calls = [
      () => map.lookup(u32(1)),
      () => map.update(u32(1), u64(1n, 1n)),
      () => map.delete(u32(1)),
      () => map.nextKey(),
      () => map.lookupBatch(),
      () => map.readAll(),
      () => map.updateBatch(u32(1), u64(1n, 1n), 1),
      () => map.deleteBatch(u32(1), 1),
      () => map.freeze(),
      () => map.pin("/sys/fs/bpf/nt-never"),
      () => map.fd,
      () => new RingReader(ring, () => {}),
    ];
    for (const call of calls) expect(call).toThrow(CLOSED);
    map.close();
    expect(map.name).toBe("hash");
  });

  test("every method of a program and a link throws ECLOSED", () => {
    const ns = bed.namespace();
    const object = openObject(fixture("packets"));
    object.load();
    const program = object.program("count_packet");
    const other = object.program("count_other");
    const link = program.attach(ingressOf(1, ns.path));
    object.close();
    other.close();
    expect(() => link.update(other)).toThrow(CLOSED);
    link.close();
    const calls = [
      () => link.update(program),
      () => link.pin("/sys/fs/bpf/nt-never"),
      () => link.unpin(),
      () => link.detach(),
      () => link.info(),
      () => other.attach({ kind: "tracing" }),
      () => other.iterate(),
      () => other.testRun({ data: Buffer.alloc(64) }),
      () => other.counters(),
      () => other.pin("/sys/fs/bpf/nt-never"),
    ];
    for (const call of calls) expect(call).toThrow(CLOSED);
    link.close();
    program.close();
    program.close();
  });

  test("every method of a type view throws ECLOSED", () => {
    const view = BtfView.file(fixture("maps"));
    view.close();
    const calls = [
      () => view.enumValues("x"),
      () => view.struct("pair"),
      () => view.hasFunction("f"),
      () => view.typeJson(),
    ];
    for (const call of calls) expect(call).toThrow(CLOSED);
    view.close();
  });

  test("a reader's totals stay readable, statistics end twice", async () => {
    const object = openObject(fixture("ring"));
    object.load();
    const reader = new RingReader(object.map("records"), () => {});
    await reader.close();
    expect(reader.stats().records).toBe(0n);
    await reader.close();
    object.close();
    const stats = runStats();
    stats.close();
    stats.close();
  });
});

test("a handle of another kind is a TypeError and is not looked into", () => {
  const object = openObject(fixture("maps"));
  object.load();
  const map = object.map("hash");
  const packets = openObject(fixture("packets"));
  packets.load();
  const program = packets.program("count_packet");
  const link = program.attach(ingressOf(1, bed.namespace().path));
  expect(() => link.update(map as never)).toThrow(TypeError);
  expect(() => link.update(link as never)).toThrow(TypeError);
  expect(() => new RingReader(program as never, () => {})).toThrow(TypeError);
  for (const handle of [link, program, map, object, packets]) handle.close();
});

describe("nothing is left", () => {
  test("opening, loading, failing and closing a hundred times leaves no descriptor", () => {
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const once = () => {
      const object = openObject(fixture("packets"));
      object.load();
      object.program("count_packet").close();
      object.map("counts").close();
      object.btf().close();
      object.close();
      const refused = openObject(fixture("refused"));
      expect(() => refused.load()).toThrow(/prog_load/);
      refused.close();
    };
    once();
    const before = descriptors();
    for (let i = 0; i < 100; i++) once();
    expect(descriptors()).toBe(before);
  });

  test("a reader that nobody holds is still read until close()", () => {
    const result = scenario("reader-nobody-holds");
    expect(result, result.output).toMatchObject({ status: 0, signal: null });
    expect(result.output).toContain("done");
  });

  test("handles that nobody closed are freed by the collector, and their links detach", async () => {
    const result = scenario("collected");
    expect(result).toMatchObject({ status: 0, signal: null });
    expect(result.output).toContain("all collected");
  });
});

test("without privilege every feature that needs it is refused with EPERM or EACCES, and nothing crashes", () => {
  const result = scenario("unprivileged", "setpriv", "--bounding-set=-all", "--inh-caps=-all");
  expect(result, result.output).toMatchObject({ status: 0, signal: null });
  expect(result.output).toContain("load EPERM");
  expect(result.output).toMatch(/tcx: .*EPERM/);
});

describe("ending in the middle", () => {
  test.each([
    ["a worker that exits while its ring is read", "worker-exit"],
    ["a worker terminated from outside, with readers and watches", "worker-terminate"],
    ["process.exit while batches are on the way", "process-exit"],
    ["a process that forgets its reader and is ended by its loop", "unclosed"],
    ["eight workers one after the other", "many-workers"],
  ])("%s neither crashes nor hangs", (_, name) => {
    const result = scenario(name);
    expect(result, result.output).toMatchObject({ status: 0, signal: null });
    expect(result.output).toContain("done");
  });

  test.each([
    ["a worker that exits while its tun device is written and read", "tun-worker-exit"],
    ["workers terminated from outside, with a tun device in full swing", "tun-worker-terminate"],
    ["a process that forgets its tun device and is ended by its loop", "tun-unclosed"],
    ["a tun device that nobody closed, when it is collected,", "tun-collected"],
  ])("%s neither crashes nor hangs, and leaves no device", (_, name) => {
    const result = scenario(name, "unshare", "--net");
    expect(result, result.output).toMatchObject({ status: 0, signal: null });
    if (name !== "tun-unclosed") expect(result.output).toContain("done");
  });

  test("without a free descriptor a tun device is refused with EMFILE, and none is left", () => {
    const result = scenario("tun-no-descriptors", "unshare", "--net", "prlimit", "--nofile=200:200");
    expect(result, result.output).toMatchObject({ status: 0, signal: null });
    expect(result.output).toContain("0 free: EMFILE");
    expect(result.output).toContain("11 free: opened");
  });

  test("without a free descriptor a reader or a watch is refused with EMFILE, and nothing crashes", () => {
    const result = scenario("no-descriptors", "prlimit", "--nofile=200:200");
    expect(result, result.output).toMatchObject({ status: 0, signal: null });
    expect(result.output).toContain("0 free: EMFILE, EMFILE");
    expect(result.output).toContain("11 free: opened, opened");
  });

  test("the scenarios left no program and no link in the kernel", async () => {
    await eventually("no program", () => !listPrograms().some((p) => p.name === "write_records"));
    await eventually("no link", () => {
      const own = new Set(
        listPrograms()
          .filter((p) => p.name === "count_packet")
          .map((p) => p.id),
      );
      return !listLinks().some((l) => own.has(l.progId));
    });
  });
});
