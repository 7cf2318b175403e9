import { expect, test } from "vitest";
import { namedPorts } from "./named-port.ts";

test("labels give a pod's ports their names, TCP unless they say otherwise", () => {
  const labels = {
    app: "web",
    "port.millrace.io/http": "8080",
    "port.millrace.io/dns": "53-UDP",
    "port.millrace.io/peer-1": "65535-SCTP",
  };
  expect(namedPorts(labels)).toEqual({
    http: { protocol: 6, port: 8080 },
    dns: { protocol: 17, port: 53 },
    "peer-1": { protocol: 132, port: 65_535 },
  });
});

test.each([
  ["http", "0"],
  ["http", "65536"],
  ["http", "8080/TCP"],
  ["http", "80-ICMP"],
  ["http", ""],
  ["Http", "80"],
  ["80", "80"],
  ["a".repeat(16), "80"],
  ["__proto__", "80"],
])("%s: %j is no port's name", (name, value) => {
  expect(namedPorts({ [`port.millrace.io/${name}`]: value })).toEqual({});
});
