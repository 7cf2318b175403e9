/** What a run declares: two namespaces, a service in front of each server, and two policies. Pure; applying them is the run's. */
import type { DocumentName, DocumentObject } from "@millrace/contract/document";
import type { Family } from "@millrace/contract/prefix";
import { type Addresses, PORTS, SERVICE_PORT } from "./case.ts";

/** On every namespace of a run: `client` or `server`. So policies of others can except the test, or mean it. */
export const LABEL = "millrace-connectivity";
const PREFIX = "millrace-connectivity-";

/** Of one run, told from those of another by its id. */
export type Namespaces = { client: string; server: string };
export const namespacesOf = (id: string): Namespaces => ({
  client: `${PREFIX}${id}-client`,
  server: `${PREFIX}${id}-server`,
});
export const isOfARun = ({ kind, namespace, name }: DocumentName): boolean =>
  (kind === "Namespace" ? name : namespace).startsWith(PREFIX);

const FAMILIES: readonly Family[] = [4, 6];
const TRANSPORTS = ["TCP", "UDP"] as const;
const portsAt = (port: number) => TRANSPORTS.map((protocol) => ({ protocol, port }));
const namespace = (name: string, role: string): DocumentObject => ({
  ...{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { [LABEL]: role } } },
});

/** Declared before there are pods in them, so that each pod has its namespace's label from the first. */
export const namespaceDocuments = ({ client, server }: Namespaces): DocumentObject[] => [
  namespace(client, "client"),
  namespace(server, "server"),
];

/** `servers`: by the hosts' numbers, from 1. Each is behind a virtual address of its own, so that who answers is known beforehand. */
export const serviceDocuments = ({ server }: Namespaces, servers: readonly Addresses[]): DocumentObject[] =>
  servers.flatMap((addresses, i) => serviceOf(server, serviceName(i + 1), addresses));
export const serviceName = (hostNumber: number): string => `server-${hostNumber}`;

function serviceOf(namespace: string, name: string, addresses: Addresses): DocumentObject[] {
  const portNames = TRANSPORTS.map((protocol) => ({ name: protocol.toLowerCase(), protocol }));
  const families = FAMILIES.filter((family) => addresses[family]);
  return [
    {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace } },
      spec: {
        ports: portNames.map((port) => ({ ...port, port: SERVICE_PORT, targetPort: PORTS.open })),
      },
    },
    ...families.map((family) => ({
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: `IPv${family}` },
      metadata: { name: `${name}-${family}`, namespace, labels: { "kubernetes.io/service-name": name } },
      endpoints: [{ addresses: [addresses[family]] }],
      ports: portNames.map((port) => ({ ...port, port: PORTS.open })),
    })),
  ];
}

/** The first isolates the servers but for one port; the second takes another port from the clients. */
export const ISOLATING = { kind: "NetworkPolicy", name: "only-one-port" } as const;
export const FORBIDDING = { kind: "Policy", name: "not-this-port" } as const;

export function policyDocuments({ client, server }: Namespaces): DocumentObject[] {
  const from = [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": client } } }];
  // What is forbidden is admitted here, so that only the other policy can be what stops it.
  const ports = [...portsAt(PORTS.open), ...portsAt(PORTS.forbidden)];
  return [
    {
      ...{ apiVersion: "networking.k8s.io/v1", kind: ISOLATING.kind },
      metadata: { name: ISOLATING.name, namespace: server },
      spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from, ports }] },
    },
    {
      ...{ apiVersion: "millrace.io/v1", kind: FORBIDDING.kind },
      metadata: { name: FORBIDDING.name, namespace: client },
      spec: { subject: {}, egress: [{ action: "deny", ports: portsAt(PORTS.forbidden) }] },
    },
  ];
}

/** Where each rule of the two stands, once they have their numbers. */
export type Rule = { policy: number; place: number };
export const rulesOf = (isolating: number, forbidding: number) => ({
  admits: { policy: isolating, place: 1 },
  isolates: { policy: isolating, place: 0 },
  forbids: { policy: forbidding, place: 1 },
});

export function nameOf(document: DocumentObject): DocumentName {
  const { name, namespace = "" } = document.metadata as { name: string; namespace?: string };
  return { kind: document.kind as DocumentName["kind"], namespace, name };
}
