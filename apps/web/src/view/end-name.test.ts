import { expect, test } from "vitest";
import { endAddress, endName, endTerm } from "./end-name.ts";

const bare = { kind: "external", ip: "192.0.2.7", port: 443, pod: null, service: null, host: null } as const;

test("an end is called by the nearest name known, else by its address", () => {
  expect(endName({ ...bare, kind: "pod", pod: "web-1", service: "web" })).toBe("web-1");
  expect(endName({ ...bare, service: "web" })).toBe("web");
  expect(endName({ ...bare, kind: "host", host: "h1" })).toBe("h1");
  expect(endName(bare)).toBe("192.0.2.7");
});
test("an address with a port can be read back", () => {
  expect(endAddress({ ip: "fd00::1", port: 80 })).toBe("[fd00::1]:80");
  expect(endAddress({ ip: "fd00::1", port: 0 })).toBe("fd00::1");
  expect(endAddress(bare)).toBe("192.0.2.7:443");
});
test("filtering by an end takes the widest stable name", () => {
  expect(endTerm({ ...bare, pod: "web-1", service: "web" }, "src")).toEqual({
    field: "src.service",
    value: "web",
  });
  expect(endTerm(bare, "dst")).toEqual({ field: "dst.ip", value: "192.0.2.7" });
});
