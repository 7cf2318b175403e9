import { TraceSpec } from "@millrace/contract/trace";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readWish, specOf, type Wish } from "./trace-wish.ts";

const wish: Wish = {
  kind: "connections",
  hosts: ["h1"],
  namespace: "",
  pod: "",
  container: "",
  ipA: "10.1.0.3",
  portA: "",
  ipB: "fd00::4",
  portB: "8443",
  proto: "6",
  lease: 300,
  rate: 500,
  why: " slow checkout ",
};

test("fields that are left empty narrow nothing", () => {
  const read = readWish(wish);
  expect(read.ok && read.spec.filter).toMatchObject({
    pod: null,
    portA: null,
    portB: 8443,
    proto: 6,
    ipB: "fd00::4",
  });
  expect(read.ok && read.spec.reason).toBe("slow checkout");
});
test("every problem is named at its field, all at once", () => {
  const read = readWish({ ...wish, hosts: [], ipA: "ten", portB: "70000", lease: 1, rate: 0 });
  expect(read.ok).toBe(false);
  expect(!read.ok && Object.keys(read.problems).sort()).toEqual(["hosts", "ipA", "lease", "portB", "rate"]);
});
test("a port that isn't a number is a problem, not no port", () => {
  const read = readWish({ ...wish, portA: "http" });
  expect(!read.ok && read.problems.portA).toContain("whole number");
});

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(
    "",
    "::",
    "::1",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1:2",
    "fe80::1::2",
    ":::",
    "1:2:3:4:5:6:7:8:9",
  ),
  fc.string({ maxLength: 12, unit: fc.constantFrom(..."0123456789abcdef.:") }),
);
const port = fc.oneof(
  fc.constantFrom("", "0", "1", "65535", "65536", "1.5", "-1", "http"),
  fc.nat(70_000).map(String),
);

test("the form refuses exactly what the contract refuses", () => {
  const wishes = fc.record({
    hosts: fc.array(fc.constantFrom("h1", "h2.example", "-h", "h_1", ""), { maxLength: 3 }),
    ipA: address,
    ipB: address,
    portA: port,
    portB: port,
    proto: fc.constantFrom("", "6", "255", "256", "-1", "tcp"),
    lease: fc.integer({ min: 0, max: 4000 }),
    rate: fc.integer({ min: -1, max: 11_000 }),
    pod: fc.constantFrom("", "web-1", "x".repeat(254)),
    why: fc.constantFrom("", "slow", "x".repeat(501)),
  });
  fc.assert(
    fc.property(wishes, (over) => {
      const asked = { ...wish, ...over };
      expect(readWish(asked).ok).toBe(TraceSpec.safeParse(specOf(asked)).success);
    }),
    { numRuns: 2000 },
  );
});
