/** Documents to apply. Test material. */
import type { DocumentObject } from "@millrace/contract/document";

type Metadata = { labels?: Record<string, string>; annotations?: Record<string, string> };

export const aNamespace = (name: string, labels: Record<string, string> = {}): DocumentObject => ({
  ...{ apiVersion: "v1", kind: "Namespace" },
  metadata: { name, labels },
});

export const aNetworkPolicy = (
  namespace: string,
  name: string,
  spec: object = {},
  metadata: Metadata = {},
): DocumentObject => ({
  ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
  metadata: { name, namespace, ...metadata },
  spec: { podSelector: {}, ...spec },
});

export const aPolicy = (namespace: string, name: string, spec: object = {}): DocumentObject => ({
  ...{ apiVersion: "millrace.io/v1", kind: "Policy" },
  metadata: { name, namespace },
  spec: { subject: { pods: {} }, isolates: ["ingress"], ...spec },
});

export const aService = (namespace: string, name: string, spec: object = {}): DocumentObject => ({
  ...{ apiVersion: "v1", kind: "Service" },
  metadata: { name, namespace },
  spec: { ports: [{ port: 80, targetPort: 8080 }], selector: { app: name }, ...spec },
});

/** Its endpoints ready. */
export const aSlice = (
  namespace: string,
  service: string,
  name: string,
  addresses: string[],
  over: object = {},
): DocumentObject => ({
  ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
  metadata: { name, namespace, labels: { "kubernetes.io/service-name": service } },
  addressType: addresses[0]?.includes(":") ? "IPv6" : "IPv4",
  ports: [{ port: 8080 }],
  endpoints: addresses.map((address) => ({ addresses: [address] })),
  ...over,
});
