import { describe, expect, test } from "vitest";
import { aNamespace, aNetworkPolicy, aPolicy, aService, aSlice } from "../testing/documents.ts";
import { type Json, readDocument } from "./read.ts";

const read = (document: Json) => {
  const reading = readDocument(document);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.value;
};
const problems = (document: Json) => {
  const reading = readDocument(document);
  return reading.ok ? [] : reading.problems.map(({ path, message }) => `${path}: ${message}`);
};

describe("a document", () => {
  test.each<[Json, string, string]>([
    [aNamespace("shop"), "Namespace /shop", ""],
    [aNetworkPolicy("shop", "web"), "NetworkPolicy shop/web", "shop"],
    [aPolicy("shop", "web"), "Policy shop/web", "shop"],
    [aPolicy("shop", "all", { subject: { namespaces: {} } }), "Policy shop/all", "*"],
    [aService("shop", "web"), "Service shop/web", "shop"],
    [aSlice("shop", "web", "web-1", ["10.0.0.1"]), "EndpointSlice shop/web-1", "shop/web"],
  ])("%# is known by kind, namespace and name, and found by what it is about", (document, text, scope) => {
    const { kind, namespace, name, scope: found } = read(document);
    expect([`${kind} ${namespace}/${name}`, found]).toEqual([text, scope]);
  });

  test("without a namespace is in the default one, and kept so", () => {
    const document = aService("x", "web");
    const { namespace, given } = read({ ...document, metadata: { name: "web" } });
    expect([namespace, given.metadata]).toEqual(["default", { name: "web", namespace: "default" }]);
  });

  test("is kept without what servers and kubectl write into it", () => {
    const document = aNetworkPolicy("shop", "web", {}, { annotations: { team: "a" } });
    const written = {
      ...document,
      metadata: {
        ...(document.metadata as object),
        ...{ uid: "u", resourceVersion: "9", generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
        managedFields: [{}],
        annotations: {
          team: "a",
          "kubectl.kubernetes.io/last-applied-configuration": "{}",
          "millrace.io/revision": "12",
        },
      },
      status: { number: 3 },
    };
    expect(read(written).given).toEqual(read(document).given);
    expect([read(written).fromRevision, read(document).fromRevision]).toEqual([12, null]);
  });
});

test("a service with a node port is read as kubectl prints it", () => {
  const printed = {
    ...{ apiVersion: "v1", kind: "Service" },
    metadata: {
      ...{ name: "web", namespace: "shop", uid: "0f1b", resourceVersion: "123", labels: { app: "web" } },
      creationTimestamp: "2026-11-30T12:00:00Z",
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
    },
    spec: {
      ...{ clusterIP: "10.210.12.34", clusterIPs: ["10.210.12.34"], externalTrafficPolicy: "Local" },
      ...{ internalTrafficPolicy: "Cluster", ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
      ports: [{ name: "http", nodePort: 30_080, port: 80, protocol: "TCP", targetPort: 8080 }],
      ...{ selector: { app: "web" }, sessionAffinity: "None", type: "NodePort" },
    },
    status: { loadBalancer: {} },
  };
  expect(read(printed).reading).toEqual({
    ...{ selector: { app: "web" }, headless: false, addresses: ["10.210.12.34"], families: [4] },
    ...{ affinitySeconds: null, externalTraffic: "Local" },
    ports: [{ name: "http", protocol: 6, port: 80, target: 8080, nodePort: 30_080 }],
  });
});

test.each<[Json, RegExp]>([
  [{}, /^kind: must be Namespace, NetworkPolicy/],
  [{ kind: "Ingress" }, /^kind: /],
  [{ kind: "toString" }, /^kind: /],
  [{ kind: "Service", apiVersion: "v2" }, /^apiVersion: must be v1 for Service/],
  [{ kind: "Service", apiVersion: "v1" }, /^metadata: is missing\nspec: is missing/],
  [
    aNamespace("shop", Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`l${i}`, ""]))),
    /^metadata.labels: are at most 64, kubernetes.io\/metadata.name among them/,
  ],
  [{ ...aService("shop", "web"), metadata: [] }, /^metadata: must be an object/],
  [{ ...aService("shop", "web"), metadata: { name: "a/b" } }, /^metadata.name: /],
  [{ ...aService("shop", "web"), metadata: { name: "a", namespace: "B" } }, /^metadata.namespace: /],
  [aNetworkPolicy("shop", "a", {}, { annotations: { "millrace.io/revision": "x" } }), /revision\]: is no/],
])("%# is refused with its field", (document, lines) => {
  expect(problems(document).join("\n")).toMatch(lines);
});
