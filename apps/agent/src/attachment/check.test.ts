import { expect, test } from "vitest";
import type { LinkFacts } from "../dataplane/pod-links.ts";
import { differences } from "./check.ts";

const facts: LinkFacts = {
  ...{ ifindex: 2, mac: "02:00:00:00:00:01", mtu: 1450, up: true, addresses: ["10.1.0.5", "fd00::5"] },
  routes: [
    { destination: "0.0.0.0/0", via: "169.254.1.1" },
    { destination: "::/0", via: "fe80::1" },
  ],
};
const expected = {
  ...{ mac: "02:00:00:00:00:01", mtu: 1450, addresses: ["10.1.0.5/32", "fd00::5/128"] },
  routes: [{ dst: "0.0.0.0/0", gw: "169.254.1.1" }, { dst: "::/0" }],
};

test("a link as it was made, and one that a later plugin added to, is in order", () => {
  expect(differences(expected, facts)).toEqual([]);
  const more = { ...facts, addresses: [...facts.addresses, "10.9.0.9"] };
  expect(differences(expected, more)).toEqual([]);
});

test("everything that is missing is named at once", () => {
  const broken = { ...facts, up: false, mac: "02:00:00:00:00:02", mtu: 1500, addresses: [], routes: [] };
  expect(differences(expected, broken)).toEqual([
    "the pod's end is down",
    "its link address is 02:00:00:00:00:02, was 02:00:00:00:00:01",
    "its MTU is 1500, was 1450",
    "it has lost 10.1.0.5/32",
    "it has lost fd00::5/128",
    "it has lost the route to 0.0.0.0/0",
    "it has lost the route to ::/0",
  ]);
  expect(differences(expected, undefined)).toEqual(["the pod's end is gone"]);
});
