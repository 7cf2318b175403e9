import { expect, test } from "vitest";
import { readEndpointSlice } from "./slice-document.ts";

const slice = (over: object = {}, metadata: object = {}) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    ...{ name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
    ...metadata,
  },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080 }],
  endpoints: [{ addresses: ["10.201.0.1"] }],
  ...over,
});
const problems = (document: object): string[] => {
  const read = readEndpointSlice(document);
  return read.ok ? [] : read.problems.map(({ path, message }) => `${path}: ${message}`);
};

test("ready endpoints are ready, those that go and still serve are draining, others are none", () => {
  const states = [
    { ready: true },
    { ready: null },
    { ready: false },
    { ready: false, serving: true, terminating: true },
    { ready: false, serving: false, terminating: true },
    { ready: false, serving: true },
  ];
  const endpoints = states.map((conditions, i) => ({
    ...{ addresses: [`10.201.0.${i}`], conditions },
    ...{ nodeName: "n", zone: "z", targetRef: { kind: "Pod" }, hints: {}, hostname: "h" },
  }));
  expect(readEndpointSlice(slice({ endpoints }))).toEqual({
    ok: true,
    value: {
      ...{ service: "web", family: 4, weight: 100 },
      ports: [{ name: "http", protocol: 6, port: 8080 }],
      endpoints: [
        { address: "10.201.0.0", state: "ready" },
        { address: "10.201.0.1", state: "ready" },
        { address: "10.201.0.3", state: "draining" },
      ],
    },
  });
});

test("the annotation is the weight of all its endpoints", () => {
  const read = readEndpointSlice(slice({}, { annotations: { "millrace.io/weight": "5" } }));
  expect(read).toMatchObject({ ok: true, value: { weight: 5 } });
});

test.each<[object, RegExp]>([
  [slice({}, { labels: {} }), /^metadata.labels\[kubernetes.io\/service-name\]: is missing/],
  [slice({}, { annotations: { "millrace.io/weight": "0" } }), /whole number from 1 to 1000/],
  [slice({}, { annotations: { "millrace.io/wieght": "1" } }), /did you mean millrace.io\/weight/],
  [slice({ addressType: "FQDN" }), /^addressType: must be IPv4 or IPv6/],
  [slice({ addressType: "IPv6" }), /^endpoints\[0\].addresses\[0\]: is an IPv4 address; addressType is IPv6/],
  [slice({ endpoints: [{ addresses: [] }] }), /^endpoints\[0\].addresses: /],
  [slice({ endpoints: [{ addresses: ["169.254.1.1"] }] }), /^endpoints\[0\].addresses\[0\]: .*link-local/],
  [slice({ ports: [{ port: null }] }), /^ports\[0\].port: is missing/],
  [slice({ spec: {} }), /^spec: there is no such field/],
])("%# is refused with its field", (document, line) => {
  expect(problems(document).join("\n")).toMatch(line);
});
