/**
 * Where a virtual address or a node port sends, as far as a host needs to know. It costs as much as was asked and as the
 * services have backends, however large the fleet.
 */
import { contains, type Family, type Prefix, parseAddress, prefixText } from "@millrace/contract/prefix";
import {
  type NodePort,
  type NodePortAnswer,
  type ResolvedNodePort,
  type ResolvedService,
  SERVICE_ASK_LIMITS,
  SERVICE_LIMITS,
  type ServiceAbsence,
  type ServiceAnswer,
  type ServiceResolveInput,
  type ServiceResolveOutput,
} from "@millrace/contract/service";
import type { SliceReading } from "@millrace/policy/slice-document";
import type { AgentHost } from "../agent-gateway/service.ts";
import { findServiceRanges, prefixesOf } from "../pool/service.ts";
import { backendsOf } from "./backends.ts";
import * as repo from "./repo.ts";

export async function resolve(
  { hostId }: AgentHost,
  { addresses, nodePorts = [] }: ServiceResolveInput,
): Promise<Required<ServiceResolveOutput>> {
  const ranges = prefixesOf(await findServiceRanges());
  const inside = addresses.filter((address) => isIn(address, ranges));
  // race: first it is written who asks. What changes after the answer was read is then told to this host.
  await repo.saveLeases(hostId, inside, nodePorts, SERVICE_ASK_LIMITS.foundSeconds);
  return {
    resolved: await resolveAddresses(addresses, inside),
    nodePorts: await resolveNodePorts(hostId, nodePorts),
    ranges: ranges.map(prefixText),
  };
}

async function resolveAddresses(
  addresses: readonly string[],
  inside: readonly string[],
): Promise<ServiceAnswer[]> {
  const found = new Map<string, repo.Found>();
  const rows = inside.length > 0 ? await repo.findServices(inside) : [];
  for (const [i, row] of rows.entries()) if (row.namespace !== null) found.set(inside[i] as string, row);
  const resolved: ServiceAnswer[] = [];
  for (const address of addresses) {
    const service = found.get(address);
    if (service) resolved.push(present(address, await wholeOf(service, address)));
    else resolved.push(absent(address, inside.includes(address) ? "no-service" : "outside"));
  }
  return resolved;
}

async function resolveNodePorts(hostId: number, asked: readonly NodePort[]): Promise<NodePortAnswer[]> {
  const rows = asked.length > 0 ? await repo.findNodePortServices(asked) : [];
  const answers: NodePortAnswer[] = [];
  for (const [i, row] of rows.entries()) {
    const one = asked[i] as NodePort;
    const found = row.namespace === null ? null : await behindNodePort(hostId, one, row);
    const { foundSeconds, absentSeconds } = SERVICE_ASK_LIMITS;
    answers.push({ asked: one, found, leaseSeconds: found ? foundSeconds : absentSeconds });
  }
  return answers;
}

async function behindNodePort(
  hostId: number,
  { family, protocol }: NodePort,
  { servicePort, ...service }: repo.FoundNodePort,
): Promise<ResolvedNodePort> {
  const { affinitySeconds, externalTraffic, ports } = service.reading;
  const only = ports.filter((one) => one.protocol === protocol && one.port === servicePort);
  const reading = { ...service.reading, ports: only };
  const onHost = externalTraffic === "Local" ? hostId : null;
  const whole = await backendsOfService({ ...service, reading }, family, onHost);
  return {
    ...{ namespace: service.namespace as string, name: service.name, affinitySeconds },
    ...{ backends: whole.ports[0]?.backends ?? [], leftOut: whole.leftOut },
  };
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

/** `onHost`: those of that host alone. */
export async function backendsOfService(
  { namespace, name, reading }: Pick<repo.Found, "namespace" | "name" | "reading">,
  family: Family,
  onHost: number | null = null,
): Promise<Pick<ResolvedService, "ports" | "leftOut">> {
  const { selector } = reading;
  const limit = SERVICE_LIMITS.backends;
  const { pods, total } = selector
    ? await repo.findSelected(namespace as string, selector, family, limit, onHost)
    : { pods: [], total: 0 };
  const slices = await repo.findSlices(scopeOfSlices(namespace as string, name));
  const counted = onHost === null ? slices : await onlyOn(onHost, slices);
  const { ports, leftOut } = backendsOf(reading, family, pods, counted);
  return { ports, leftOut: leftOut + (total - pods.length) * ports.length };
}

/** Where an endpoint of a slice is, its address says: a slice's nodeName may be of another cluster. */
async function onlyOn(hostId: number, slices: readonly SliceReading[]): Promise<SliceReading[]> {
  const named = slices.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
  const here = new Set(await repo.findAddressesOn(hostId, named));
  return slices.map((slice) => ({
    ...slice,
    endpoints: slice.endpoints.filter(({ address }) => here.has(address)),
  }));
}

const present = (address: string, found: ResolvedService): ServiceAnswer => ({
  ...{ address, found, reason: null },
  leaseSeconds: SERVICE_ASK_LIMITS.foundSeconds,
});
const absent = (address: string, reason: ServiceAbsence): ServiceAnswer => ({
  ...{ address, found: null, reason },
  leaseSeconds: SERVICE_ASK_LIMITS.absentSeconds,
});
