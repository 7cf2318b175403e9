import { expect, test } from "vitest";
import { readWish, type Wish } from "./trace-wish.ts";

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
