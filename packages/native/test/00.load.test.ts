// Finding the addon and refusing wrong arguments: what can be tested without BPF.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as args from "../lib/args.ts";
import { checkAttach } from "../lib/attach.ts";
import { BpfError } from "../lib/errors.ts";
import { candidates, loadBinding } from "../lib/load-binding.ts";

describe("finding the addon", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "native-load-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a missing addon names every path that was tried", () => {
    const tried = [join(folder, "a.node"), join(folder, "b.node")];
    expect(() => loadBinding(tried)).toThrow(/a\.node and .*b\.node/);
  });

  test("an addon that is there and broken is an error, not a reason to try the next", () => {
    const broken = join(folder, "broken.node");
    writeFileSync(broken, "not an ELF file");
    expect(() => loadBinding([broken, join(folder, "next.node")])).toThrow(/broken\.node/);
  });

  test("a bundle anywhere in the repository finds the same addon as the source", () => {
    const inPackage = join(folder, "packages", "native");
    mkdirSync(inPackage, { recursive: true });
    writeFileSync(join(inPackage, "package.json"), "{}");
    const fromSource = candidates(join(inPackage, "lib", "load-binding.ts"));
    expect(candidates(join(folder, "apps", "agent", "build", "main.js"))).toEqual(fromSource);
    expect(fromSource[1]).toBe(join(inPackage, "build", "millrace_native.node"));
  });
});

describe("arguments", () => {
  test("a wrong type says which argument, what was expected and what came", () => {
    expect(() => args.text(3, "openObject path")).toThrow("openObject path: expected a string, got number");
    expect(() => args.bytes("x", "key")).toThrow("key: expected a Uint8Array, got string");
    expect(() => args.callback(null, "on")).toThrow("on: expected a function, got null");
    expect(() => args.boolean(0, "deleteToo")).toThrow("deleteToo: expected a boolean, got number");
  });

  test("a wrong size says both sizes", () => {
    expect(() => args.sizedBytes(new Uint8Array(3), "key", 4)).toThrow("key: expected 4 bytes, got 3");
    expect(() => args.atLeastBytes(new Uint8Array(3), "keys", 4)).toThrow(
      "keys: expected at least 4 bytes, got 3",
    );
  });

  test("numbers out of range, fractions and NaN are refused", () => {
    expect(() => args.integer(0, "ifindex", 1, 9)).toThrow("ifindex: expected 1 to 9, got 0");
    for (const wrong of [1.5, Number.NaN, Number.POSITIVE_INFINITY, "1"]) {
      expect(() => args.integer(wrong, "n", 0, 9)).toThrow(TypeError);
    }
  });

  test("a path with a NUL byte never reaches a system call", () => {
    expect(() => args.text("/sys\0/x", "path")).toThrow(RangeError);
  });

  test("a misspelt option is named and corrected", () => {
    const known = ["maxBytes", "tickMs"];
    const given = { maxBites: 1 } as object;
    expect(() => args.options(given, "RingReader", known)).toThrow(
      "RingReader: unknown option 'maxBites' (did you mean 'maxBytes'?)",
    );
    expect(() => args.options({ zzz: 1 } as object, "RingReader", known)).toThrow("unknown option 'zzz'");
  });
});

describe("descriptions of an attachment", () => {
  const tcx = { kind: "tcx", ifindex: 1, direction: "ingress" } as const;

  test("each kind is taken when it is complete", () => {
    checkAttach(tcx, "attach");
    checkAttach({ ...tcx, netns: "/proc/1/ns/net", position: "first" }, "attach");
    checkAttach({ kind: "netkit", ifindex: 1, end: "peer", position: "first" }, "attach");
    checkAttach({ kind: "xdp", ifindex: 1, flags: 2 }, "attach");
    checkAttach({ kind: "cgroup", path: "/sys/fs/cgroup", multi: true }, "attach");
    checkAttach({ kind: "tracing", cookie: 1n }, "attach");
    checkAttach({ kind: "raw_tracepoint", name: "sys_enter" }, "attach");
    checkAttach({ kind: "perf", event: { type: "kprobe", function: "tcp_v4_rcv" } }, "attach");
    checkAttach({ kind: "perf", event: { type: "uprobe", path: "/bin/sh", offset: 64, pid: 1 } }, "attach");
    checkAttach({ kind: "perf", event: { type: "tracepoint", category: "net", name: "x" } }, "attach");
  });

  test.each([
    [{ ...tcx, kind: "tcv" }, "did you mean 'tcx'"],
    [{ ...tcx, ifindex: 0 }, "ifindex: expected 1"],
    [{ ...tcx, direction: "in" }, "direction: expected ingress | egress"],
    [{ ...tcx, postition: "first" }, "did you mean 'position'"],
    [{ kind: "netkit", ifindex: 1, end: "host" }, "end: expected primary | peer"],
    [{ kind: "netkit", ifindex: 1, end: "peer", position: "middle" }, "position: expected first | last"],
    [{ kind: "cgroup", path: "/x", multi: false }, "can't be exclusive"],
    [{ kind: "tracing", cookie: 1 }, "cookie: expected a bigint"],
    [{ kind: "perf", event: { type: "uprobe", path: "/bin/sh" } }, "offset: expected an integer"],
    [{ kind: "perf", event: { type: "kprobe" } }, "function: expected a string"],
  ])("%o is refused with a reason", (attach, message) => {
    expect(() => checkAttach(attach as never, "attach")).toThrow(message);
  });
});

test("an error carries code, operation, object and the verifier's log", () => {
  const error = new BpfError("prog_load x: EACCES", {
    code: "EACCES",
    op: "prog_load",
    object: "x",
    verifierLog: "R0",
  });
  expect(error).toMatchObject({
    name: "BpfError",
    code: "EACCES",
    op: "prog_load",
    object: "x",
    verifierLog: "R0",
  });
  expect(error).toBeInstanceOf(Error);
});
