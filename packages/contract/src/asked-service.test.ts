import { expect, test } from "vitest";
import { askedName, askedText, backendText } from "./asked-service.ts";

const end = (ip: string, port: number) => ({ ip, port }) as Parameters<typeof backendText>[0]["dst"];
const PAYMENTS = { ip: "10.210.0.4", port: 80, namespace: "shop", name: "payments" };

test("a service is told by its address and name, and by its address where nobody knew the name", () => {
  expect([askedName(PAYMENTS), askedText(PAYMENTS)]).toEqual([
    "shop/payments",
    "10.210.0.4:80 (shop/payments)",
  ]);
  const nobodys = { ip: "fd00:210::4", port: 443, namespace: null, name: null };
  expect([askedName(nobodys), askedText(nobodys)]).toEqual([null, "[fd00:210::4]:443"]);
});

test("the backend is the destination where it was chosen at connect, and what a translation made of it else", () => {
  expect(backendText({ dst: end("10.201.0.5", 8080), tuples: [] })).toBe("10.201.0.5:8080");
  const src = { ip: "10.201.0.9", port: 40_000 };
  const tuples = [
    { src, dst: { ip: "10.210.0.4", port: 80 } },
    { src, dst: { ip: "10.201.0.5", port: 8080 } },
  ];
  expect(backendText({ dst: end("10.210.0.4", 80), tuples })).toBe("10.201.0.5:8080");
});
