/**
 * Ports that a pod has names for. They are told by labels, since everything that policy and services know of a pod is:
 * `port.millrace.io/http: "8080"`, `port.millrace.io/dns: "53-UDP"`. What is no such label's value is not taken for one.
 */
import type { Labels } from "./identity.ts";
import { SERVICE_PROTOCOLS } from "./service.ts";

export const NAMED_PORT_PREFIX = "port.millrace.io/";
/** As Kubernetes names ports. */
export const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

export type NamedPorts = Record<string, { protocol: number; port: number }>;

export function namedPorts(labels: Labels): NamedPorts {
  const ports: NamedPorts = {};
  for (const [key, value] of Object.entries(labels)) {
    if (!key.startsWith(NAMED_PORT_PREFIX)) continue;
    const name = key.slice(NAMED_PORT_PREFIX.length);
    const [, digits, protocol = "TCP"] = /^([1-9]\d{0,4})(?:-(TCP|UDP|SCTP))?$/.exec(value) ?? [];
    const port = Number(digits);
    if (port <= 65_535 && PORT_NAME.test(name))
      ports[name] = { protocol: SERVICE_PROTOCOLS[protocol as keyof typeof SERVICE_PROTOCOLS], port };
  }
  return ports;
}
