import { expect, test } from "vitest";
import { parsePortRange, rangeProblem, reservedWith } from "./port-range.ts";

const range = { first: 20_000, last: 31_999 };

test("a range is two ports, the first no greater than the last, none of them the system's", () => {
  expect(parsePortRange("20000-31999")).toEqual(range);
  expect(parsePortRange("1024-1024")).toEqual({ first: 1024, last: 1024 });
  for (const text of ["", "20000", "31999-20000", "80-90", "60000-70000", "a-b", "20000-31999 "])
    expect(parsePortRange(text)).toMatch(/FIRST-LAST is needed/);
});

test("ports that the host gives to its own sockets can't be used, and neither can the tunnel's", () => {
  const host = { local: "32768\t60999\n", tunnelPort: 8472 };
  expect(rangeProblem(range, host)).toBeUndefined();
  for (const local of ["31999 60999", "1024 20000", "25000 26000", "10000 65535"])
    expect(rangeProblem(range, { ...host, local })).toMatch(/ip_local_port_range/);
  expect(rangeProblem(range, { ...host, tunnelPort: 20_000 })).toMatch(/--tunnel-port/);
});

test("what is reserved already stays so, and isn't reserved twice", () => {
  expect(reservedWith(range, "\n")).toBe("20000-31999");
  expect(reservedWith(range, "8080,9148\n")).toBe("8080,9148,20000-31999");
  expect(reservedWith(range, "8080,20000-32000\n")).toBeUndefined();
  expect(reservedWith(range, "20000-25000\n")).toBe("20000-25000,20000-31999");
  expect(reservedWith({ first: 7000, last: 7000 }, "7000\n")).toBeUndefined();
});
