/**
 * Where a virtual address sends, as far as a host needs to know. It costs as much as was asked and as the services have
 * backends, however large the fleet.
 */
import { contains, type Family, type Prefix, parseAddress, prefixText } from "@millrace/contract/prefix";
import {
  type ResolvedService,
  SERVICE_ASK_LIMITS,
  SERVICE_LIMITS,
  type ServiceAbsence,
  type ServiceAnswer,
  type ServiceResolveInput,
  type ServiceResolveOutput,
} from "@millrace/contract/service";
import type { AgentHost } from "../agent-gateway/service.ts";
import { findServiceRanges, prefixesOf } from "../pool/service.ts";
import { backendsOf } from "./backends.ts";
import * as repo from "./repo.ts";

export async function resolve(
  host: AgentHost,
  { addresses }: ServiceResolveInput,
): Promise<ServiceResolveOutput> {
  const ranges = prefixesOf(await findServiceRanges());
  const inside = addresses.filter((address) => isIn(address, ranges));
  // race: first it is written who asks. What changes after the answer was read is then told to this host.
  if (inside.length > 0) await repo.saveLeases(host.hostId, inside, SERVICE_ASK_LIMITS.foundSeconds);
  const found = new Map<string, repo.Found>();
  const rows = inside.length > 0 ? await repo.findServices(inside) : [];
  for (const [i, row] of rows.entries()) if (row.namespace !== null) found.set(inside[i] as string, row);
  const resolved: ServiceAnswer[] = [];
  for (const address of addresses) {
    const service = found.get(address);
    if (service) resolved.push(present(address, await wholeOf(service, address)));
    else resolved.push(absent(address, inside.includes(address) ? "no-service" : "outside"));
  }
  return { resolved, ranges: ranges.map(prefixText) };
}

function isIn(text: string, ranges: readonly Prefix[]): boolean {
  const address = parseAddress(text);
  return address !== undefined && ranges.some((range) => contains(range, address));
}

async function wholeOf(service: repo.Found, address: string): Promise<ResolvedService> {
  const family = parseAddress(address)?.family as Family;
  const { ports, leftOut } = await backendsOfService(service, family);
  const { name, reading, addresses } = service;
  return {
    ...{ namespace: service.namespace as string, name, addresses },
    ...{ affinitySeconds: reading.affinitySeconds, ports, leftOut },
  };
}

/** What a service's endpoint slices are looked up by. */
export const scopeOfSlices = (namespace: string, service: string): string => `${namespace}/${service}`;

export async function backendsOfService(
  { namespace, name, reading }: Pick<repo.Found, "namespace" | "name" | "reading">,
  family: Family,
): Promise<Pick<ResolvedService, "ports" | "leftOut">> {
  const { selector } = reading;
  const limit = SERVICE_LIMITS.backends;
  const { pods, total } = selector
    ? await repo.findSelected(namespace as string, selector, family, limit)
    : { pods: [], total: 0 };
  const slices = await repo.findSlices(scopeOfSlices(namespace as string, name));
  const { ports, leftOut } = backendsOf(reading, family, pods, slices);
  return { ports, leftOut: leftOut + (total - pods.length) * ports.length };
}

const present = (address: string, found: ResolvedService): ServiceAnswer => ({
  ...{ address, found, reason: null },
  leaseSeconds: SERVICE_ASK_LIMITS.foundSeconds,
});
const absent = (address: string, reason: ServiceAbsence): ServiceAnswer => ({
  ...{ address, found: null, reason },
  leaseSeconds: SERVICE_ASK_LIMITS.absentSeconds,
});
