import { expect, test } from "vitest";
import { readService, type ServiceReading } from "./service-document.ts";

const service = (spec: object) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { ports: [{ port: 80 }], selector: { app: "web" }, ...spec },
});
const reading = (spec: object): ServiceReading => {
  const read = readService(service(spec));
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value;
};
const problems = (spec: object): string[] => {
  const read = readService(service(spec));
  return read.ok ? [] : read.problems.map(({ path, message }) => `${path}: ${message}`);
};

test("a plain service has TCP ports that go where they come in, any backend, and addresses of every family", () => {
  expect(reading({})).toEqual({
    selector: { app: "web" },
    headless: false,
    addresses: [],
    families: null,
    affinitySeconds: null,
    ports: [{ name: "", protocol: 6, port: 80, target: 80 }],
  });
});

test("what the API server fills in is read as what it means", () => {
  const filled = {
    ...{ type: "ClusterIP", clusterIP: "10.210.0.9", clusterIPs: ["10.210.0.9"] },
    ...{ ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack", internalTrafficPolicy: "Cluster" },
    ...{ sessionAffinity: "None", publishNotReadyAddresses: false },
    ports: [
      { name: "http", protocol: "TCP", port: 80, targetPort: "web", appProtocol: "http" },
      { name: "dns", protocol: "UDP", port: 53, targetPort: 5353 },
    ],
  };
  expect(reading(filled)).toMatchObject({
    addresses: ["10.210.0.9"],
    families: [4],
    ports: [
      { name: "http", protocol: 6, port: 80, target: "web" },
      { name: "dns", protocol: 17, port: 53, target: 5353 },
    ],
  });
});

test.each<[string, object, Partial<ServiceReading>]>([
  ["a client stays for three hours", { sessionAffinity: "ClientIP" }, { affinitySeconds: 10_800 }],
  [
    "or as long as is said",
    { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    { affinitySeconds: 60 },
  ],
  ["no selector", { selector: null }, { selector: null }],
  ["an empty selector selects nobody", { selector: {} }, { selector: null }],
  ["no virtual address", { clusterIP: "None", ports: [] }, { headless: true, addresses: [], families: [] }],
  ["both families, the second first", { ipFamilies: ["IPv6", "IPv4"] }, { families: [6, 4] }],
  ["both families or none", { ipFamilyPolicy: "RequireDualStack" }, { families: [4, 6] }],
  ["an address says its family", { clusterIP: "fd00:210::9" }, { addresses: ["fd00:210::9"], families: [6] }],
  [
    "and may be written otherwise",
    { clusterIPs: ["FD00:0210::0009", "10.210.0.9"] },
    { addresses: ["fd00:210::9", "10.210.0.9"], families: [6, 4] },
  ],
])("%s", (_, spec, expected) => {
  expect(reading(spec)).toMatchObject(expected);
});

test("of a service with node ports every port has one, asked for or not, and it is said whose backends they send to", () => {
  const ports = [
    { name: "a", port: 80, nodePort: 30_000 },
    { name: "b", port: 81 },
    { name: "c", port: 80, protocol: "UDP", nodePort: 30_000 },
    { name: "d", port: 82, nodePort: 32_767 },
  ];
  const read = reading({ type: "NodePort", ports });
  expect([read.externalTraffic, read.ports.map(({ nodePort }) => nodePort)]).toEqual([
    "Cluster",
    [30_000, undefined, 30_000, 32_767],
  ]);
  expect(reading({ type: "NodePort", externalTrafficPolicy: "Local" }).externalTraffic).toBe("Local");
});

test("what is read of a service without node ports is what was read of it before there were any", () => {
  const { ports, ...rest } = reading({ type: "ClusterIP" });
  expect([Object.keys(rest), Object.keys(ports[0] as object)]).toEqual([
    ["selector", "headless", "addresses", "families", "affinitySeconds"],
    ["name", "protocol", "port", "target"],
  ]);
});

const outward = (...ports: object[]) => ({ type: "NodePort", ports });
test.each<[object, RegExp]>([
  [{ type: "LoadBalancer" }, /^spec.type: load balancers .* are not done.*: ClusterIP or NodePort$/],
  [{ type: "ExternalName" }, /^spec.type: .*names outside are not done/],
  [{ ports: [{ port: 80, nodePort: 30_000 }] }, /^spec.ports\[0\].nodePort: .*type is not NodePort$/],
  [{ externalTrafficPolicy: "Local" }, /^spec.externalTrafficPolicy: .*type is not NodePort$/],
  [{ type: "ClusterIP", externalTrafficPolicy: "Cluster" }, /^spec.externalTrafficPolicy: /],
  [outward({ port: 80, nodePort: 29_999 }), /^spec.ports\[0\].nodePort: must be at least 30000, not /],
  [outward({ port: 80, nodePort: 32_768 }), /^spec.ports\[0\].nodePort: must be at most 32767, not /],
  [outward({ port: 80, nodePort: "http" }), /^spec.ports\[0\].nodePort: must be a number, not “http”/],
  [outward({ port: 80, protocol: "SCTP" }), /^spec.ports\[0\].protocol: is SCTP, which has no node ports/],
  [
    outward(
      { name: "a", port: 80, nodePort: 30_000 },
      { name: "b", port: 81, nodePort: 30_001 },
      { name: "c", port: 82, nodePort: 30_000 },
    ),
    /^spec.ports\[2\].nodePort: 30000\/TCP is there twice/,
  ],
  [outward(), /^spec.ports: a service with a virtual address has at least one port/],
  [{ type: "NodePort", clusterIP: "None" }, /^spec.clusterIP: is None, but a service with node ports has/],
  [
    { type: "NodePort", clusterIPs: ["None"] },
    /^spec.clusterIPs: is None, but a service with node ports has/,
  ],
  [{ type: "NodePort", externalTrafficPolicy: "local" }, /^spec.externalTrafficPolicy: must be .*mean Local/],
  [
    { type: "NodePort", healthCheckNodePort: 30_000 },
    /^spec.healthCheckNodePort: is not done: it is of load/,
  ],
  [
    { type: "NodePort", allocateLoadBalancerNodePorts: true },
    /^spec.allocateLoadBalancerNodePorts: is not done: it is of load balancers/,
  ],
  [{ loadBalancerClass: "a/b" }, /^spec.loadBalancerClass: is not done: it is of load balancers/],
  [{ loadBalancerIP: "192.0.2.1" }, /^spec.loadBalancerIP: is not done: it is of load balancers/],
  [{ externalIPs: ["192.0.2.1"] }, /^spec.externalIPs: is not done/],
  [{ internalTrafficPolicy: "Local" }, /^spec.internalTrafficPolicy: backends of all hosts/],
  [{ port: 80 }, /^spec.port: there is no such field; did you mean ports/],
  [{ ports: [] }, /^spec.ports: a service with a virtual address has at least one port/],
  [{ ports: [{ port: 0 }] }, /^spec.ports\[0\].port: must be at least 1/],
  [{ ports: [{ port: 80 }, { port: 81 }] }, /^spec.ports\[0\].name: of several ports each has a name/],
  [
    {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    },
    /^spec.ports\[1\].port: 80\/TCP is there twice/,
  ],
  [
    {
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 81 },
      ],
    },
    /^spec.ports\[1\].name: another port is “a” too/,
  ],
  [{ ports: [{ port: 80, targetPort: "a b" }] }, /^spec.ports\[0\].targetPort: must be a port number or/],
  [{ clusterIP: "10.210.0.300" }, /^spec.clusterIP: “10.210.0.300” is no IPv4/],
  [{ clusterIP: "127.0.0.1" }, /^spec.clusterIP: /],
  [{ clusterIPs: ["10.210.0.1", "10.210.0.2"] }, /^spec.clusterIPs\[1\]: is a second IPv4 address/],
  [{ clusterIPs: ["None", "10.210.0.2"] }, /^spec.clusterIPs: None stands alone/],
  [{ clusterIP: "10.210.0.1", ipFamilies: ["IPv6"] }, /which ipFamilies doesn't name/],
  [
    { ipFamilies: ["IPv6", "IPv4"], ipFamilyPolicy: "SingleStack" },
    /^spec.ipFamilyPolicy: is SingleStack, but two families/,
  ],
  [
    { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 90_000 } } },
    /^spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be at most 86400/,
  ],
  [{ selector: { "a b": "c" } }, /^spec.selector\[a b\]: .*is no label key/],
])("%j is refused with its field", (spec, line) => {
  expect(problems(spec).join("\n")).toMatch(new RegExp(line.source, "m"));
});
