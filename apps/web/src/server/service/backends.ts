/**
 * A service's backends in one address family: of the pods that it selects and of its endpoint slices, each pair of address
 * and port once. Pure. A port's backends are ordered, so that every host has them in the same order.
 */
import { namedPorts } from "@millrace/contract/named-port";
import { type Address, type Family, parseAddress } from "@millrace/contract/prefix";
import { SERVICE_LIMITS, type ServiceBackend, type ServicePort, WEIGHTS } from "@millrace/contract/service";
import type { ServiceReading } from "@millrace/policy/service-document";
import { isWeight, WEIGHT_KEY } from "@millrace/policy/service-fields";
import type { SliceReading } from "@millrace/policy/slice-document";

/** A pod that the service selects. */
export type Selected = { address4: string | null; address6: string | null; labels: Record<string, string> };

export type Backends = { ports: ServicePort[]; leftOut: number };

export function backendsOf(
  { ports }: Pick<ServiceReading, "ports">,
  family: Family,
  pods: readonly Selected[],
  slices: readonly SliceReading[],
): Backends {
  let room: number = SERVICE_LIMITS.backends;
  let leftOut = 0;
  const said = ports.map(({ name, protocol, port, target }) => {
    const found = new Map<string, ServiceBackend>();
    const ofPods = pods.flatMap((pod) => backendOfPod(pod, family, { protocol, target }));
    const ofSlices = slices.flatMap((slice) => backendsOfSlice(slice, family, { name, protocol }));
    // What is said of an endpoint itself goes before what its labels say.
    for (const backend of [...ofPods, ...ofSlices]) found.set(`${backend.address} ${backend.port}`, backend);
    const all = [...found.values()].sort(byPlace);
    const backends = all.slice(0, room);
    room -= backends.length;
    leftOut += all.length - backends.length;
    return { name, protocol, port, backends };
  });
  return { ports: said.sort((a, b) => a.protocol - b.protocol || a.port - b.port), leftOut };
}

type Target = Pick<ServiceReading["ports"][number], "protocol" | "target">;
function backendOfPod(pod: Selected, family: Family, { protocol, target }: Target): ServiceBackend[] {
  const address = family === 4 ? pod.address4 : pod.address6;
  const port = typeof target === "number" ? target : portNamed(pod, target, protocol);
  if (address === null || port === undefined) return [];
  return [{ address, port, weight: weightOf(pod), state: "ready" }];
}

function portNamed({ labels }: Selected, name: string, protocol: number): number | undefined {
  const ports = namedPorts(labels);
  const named = Object.hasOwn(ports, name) ? ports[name] : undefined;
  return named?.protocol === protocol ? named.port : undefined;
}
function weightOf({ labels }: Selected): number {
  const text = labels[WEIGHT_KEY] ?? "";
  return isWeight(text) ? Number(text) : WEIGHTS.usual;
}

type Port = Pick<ServiceReading["ports"][number], "name" | "protocol">;
function backendsOfSlice(slice: SliceReading, family: Family, { name, protocol }: Port): ServiceBackend[] {
  if (slice.family !== family) return [];
  const { weight } = slice;
  return slice.ports
    .filter((port) => port.name === name && port.protocol === protocol)
    .flatMap(({ port }) => slice.endpoints.map(({ address, state }) => ({ address, port, weight, state })));
}

function byPlace(a: ServiceBackend, b: ServiceBackend): number {
  const [one, other] = [parseAddress(a.address), parseAddress(b.address)] as [Address, Address];
  if (one.value !== other.value) return one.value < other.value ? -1 : 1;
  return a.port - b.port;
}
