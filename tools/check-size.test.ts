// The size checker, shown failing on what is too long.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { functionsOf } from "./c-functions.ts";
import { sizeProblems } from "./check-size.ts";
import { at, bin } from "./paths.mjs";

const lines = (count: number, line = "x();") => Array(count).fill(line).join("\n");

test("a file at its ceiling is fine, one line more is named with both numbers", () => {
  expect(sizeProblems({ path: "apps/agent/src/a.ts", text: `${lines(300)}\n` })).toEqual([]);
  expect(sizeProblems({ path: "apps/agent/src/a.ts", text: `${lines(301)}\n` })).toEqual([
    "apps/agent/src/a.ts:1  301 lines; a TypeScript file has at most 300",
  ]);
});

test("each kind of file has its own ceiling", () => {
  const text = `${lines(420)}\n`;
  expect(sizeProblems({ path: "packages/bpf/lib/a.h", text })).toHaveLength(1);
  expect(sizeProblems({ path: "packages/native/src/a.cc", text })).toEqual([]);
  expect(sizeProblems({ path: "apps/web/src/ui/a.tsx", text })).toHaveLength(1);
});

test("tests may be long", () => {
  expect(sizeProblems({ path: "apps/agent/src/a.test.ts", text: lines(2000) })).toEqual([]);
  expect(sizeProblems({ path: "packages/bpf/tests/packet-builder.ts", text: lines(2000) })).toEqual([]);
});

test("a C function over 60 lines is named, an entry program over 40", () => {
  const body = (count: number) => `{\n${lines(count)}\n}\n`;
  const text = [
    `static int short_one(void)\n${body(20)}`,
    `static __always_inline int long_one(struct ctx *ctx)\n${body(60)}`,
    `SEC("tc")\nint ingress(struct __sk_buff *skb)\n${body(40)}`,
  ].join("\n");
  expect(sizeProblems({ path: "packages/bpf/src/a.bpf.c", text })).toEqual([
    "packages/bpf/src/a.bpf.c:25  long_one has 63 lines; a function has at most 60",
    "packages/bpf/src/a.bpf.c:89  ingress has 44 lines; a entry program has at most 40",
  ]);
});

test("functions are found among types, initialisers, macros and methods", () => {
  const text = `
#define LOOP(x) do { \\
  x; } while (0)
struct point { int x; int y; };
static const int table[] = { 1, 2 };
namespace net {
class Socket {
 public:
  Socket() : fd_(-1) {}
  int fd() const { return fd_; }
};
int Socket::open(const char *s) { if (s[0] == '{') { return 1; } return 0; }
}
SEC("tp_btf/kfree_skb")
int BPF_PROG(on_drop, struct sk_buff *skb)
{
  return 0; // }
}
`;
  const found = functionsOf(text).map(({ name, entry }) => `${name}${entry ? " (entry)" : ""}`);
  expect(found).toEqual(["Socket", "fd", "Socket::open", "on_drop (entry)"]);
});

test("Biome refuses a TypeScript function over 50 lines, and a React one over 120", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-size-"));
  const sample = (file: string, count: number) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), `export function f() {\n${lines(count)}\n}\n`);
  };
  sample("fine.ts", 45);
  sample("long.ts", 52);
  sample("fine.tsx", 110);
  sample("long.tsx", 125);
  sample("long.test.ts", 125);
  try {
    const config = [`--config-path=${at("biome.json")}`, "--vcs-enabled=false", "--reporter=github"];
    const { stdout } = spawnSync(bin("biome"), ["lint", ...config, folder], { encoding: "utf8" });
    const tooLong = stdout.split("\n").filter((line) => line.includes("noExcessiveLinesPerFunction"));
    const complained = tooLong.map((line) => /file=.*?([\w.]+),/.exec(line)?.[1]);
    expect(complained.sort()).toEqual(["long.ts", "long.tsx"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
