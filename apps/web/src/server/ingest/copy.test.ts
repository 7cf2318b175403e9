import { expect, test } from "vitest";
import { ip } from "../testing/agent-batch.ts";
import { CopyWriter, isMapped } from "./copy.ts";

const HEADER = `${Buffer.from("PGCOPY\n\xff\r\n\0", "latin1").toString("hex")}0000000000000000`;
const hex = (write: (to: CopyWriter) => void): string => {
  const to = new CopyWriter(16);
  write(to);
  const text = to.finish().toString("hex");
  expect(text.startsWith(HEADER)).toBe(true);
  expect(text.endsWith("ffff")).toBe(true);
  return text.slice(HEADER.length, -4);
};

test("a message without rows is header and trailer", () => {
  expect(hex(() => {})).toBe("");
});

/** Taken from `copy (select …) to stdout (format binary)` of PostgreSQL 18. */
test.each<[string, (to: CopyWriter) => void, string]>([
  ["row", (to) => to.row(3), "0003"],
  ["null", (to) => to.absent(), "ffffffff"],
  ["bool", (to) => to.bool(1), "0000000101"],
  ["int2 -2", (to) => to.int2(-2), "00000002fffe"],
  ["int4", (to) => to.int4(305_419_896), "0000000412345678"],
  ["int8 2^53-1", (to) => to.int8(Number.MAX_SAFE_INTEGER), "00000008001fffffffffffff"],
  ["int8 -1", (to) => to.int8(-1), "00000008ffffffffffffffff"],
  ["int8 halves", (to) => to.int8Halves(0x7fff_ffff, 0xffff_fffe), "000000087ffffffffffffffe"],
  [
    "timestamptz 2000-01-01 00:00:00.000001",
    (to) => to.timestamptz(946_684_800_000_001),
    "000000080000000000000001",
  ],
  [
    "timestamptz 1999-12-31 23:59:59.999999",
    (to) => to.timestamptz(946_684_799_999_999),
    "00000008ffffffffffffffff",
  ],
  ["inet 10.0.0.1", (to) => to.inet(ip("10.0.0.1"), 0), "00000008022000040a000001"],
  [
    "inet 2001:db8::5",
    (to) => to.inet(ip("2001:db8::5"), 0),
    "000000140380001020010db8000000000000000000000005",
  ],
  [
    "int8[] {1,-1}",
    (to) => to.int8Array([1, -1]),
    "0000002c00000001000000000000001400000002000000010000000800000000000000010000000" + "8ffffffffffffffff",
  ],
])("%s is what Postgres itself writes", (_, write, expected) => {
  expect(hex(write)).toBe(expected);
});

test("a uuid and an address are taken from their row of the column", () => {
  const column = new Uint8Array(48).map((_, i) => i);
  expect(hex((to) => to.uuid(column, 1))).toBe("00000010101112131415161718191a1b1c1d1e1f");
  expect(hex((to) => to.inet(column, 2))).toBe("0000001403800010202122232425262728292a2b2c2d2e2f");
});

test("the buffer grows without changing what was written", () => {
  const to = new CopyWriter(1);
  for (let i = 0; i < 10_000; i++) to.int4(i);
  const bytes = to.finish();
  for (let i = 0; i < 10_000; i++) expect(bytes.readInt32BE(19 + i * 8 + 4)).toBe(i);
});

test("only ::ffff:0:0/96 is IPv4", () => {
  expect(
    [ip("0.0.0.0"), ip("::ffff:1.2.3.4"), ip("::1"), ip("::102:304")].map((a) => isMapped(a, 0)),
  ).toEqual([...[true, true, false, false]]);
});
