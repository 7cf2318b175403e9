/**
 * Ports of the host that lead to a pod, as a runtime asks for them (`portMappings`): what can be had, what clashes with
 * another pod's, and which addresses of the host each stands for. Pure.
 */
import { ServiceLimit } from "@millrace/abi/generated/service";
import type { CniAdd } from "@millrace/contract/cni";
import { z } from "zod";
import { addressBytes, addressText } from "../endpoint/address.ts";
import { AttachmentError } from "./attachment.ts";

export const HostPort = z.object({
  protocol: z.enum(["tcp", "udp"]),
  port: z.int(),
  /** Of the pod. */
  podPort: z.int(),
  /** Of the host; 0.0.0.0 and :: are all of their family. Null: all. */
  address: z.string().nullable(),
});
export type HostPort = z.infer<typeof HostPort>;

export type HostPortSurroundings = {
  /** Those of other pods. */
  others: readonly { owner: string; hostPorts: readonly HostPort[]; addresses: readonly string[] }[];
  hostAddresses: readonly string[];
  podAddresses: readonly string[];
  tunnelPort: number;
};

/** Throws AttachmentError with the field that can't be had. */
export function hostPortsOf(
  mappings: CniAdd["portMappings"],
  surroundings: HostPortSurroundings,
): HostPort[] {
  const wanted: HostPort[] = [];
  for (const [at, mapping] of mappings.entries()) {
    const where = `runtimeConfig.portMappings.${at}`;
    const one = hostPortOf(mapping, where);
    refuseUnreachable(one, where, surroundings);
    const taken = clashOf(one, wanted, surroundings.others);
    if (taken) throw new AttachmentError("port-taken", `${where}.hostPort: ${taken}`);
    if (!wanted.some((other) => isSame(one, other))) wanted.push(one);
  }
  refuseTooMany(wanted, surroundings);
  return wanted;
}

function hostPortOf(mapping: CniAdd["portMappings"][number], where: string): HostPort {
  const { protocol, hostPort: port, containerPort: podPort, hostIP = "" } = mapping;
  if (protocol === "sctp")
    throw new AttachmentError("unsupported", `${where}.protocol: sctp can't be mapped, only tcp and udp`);
  const bytes = addressBytes(hostIP);
  return { protocol, port, podPort, address: bytes ? addressText(bytes) : null };
}

function refuseUnreachable(one: HostPort, where: string, at: HostPortSurroundings): void {
  const { protocol, port, address } = one;
  if (protocol === "udp" && port === at.tunnelPort)
    throw new AttachmentError(
      "unsupported",
      `${where}.hostPort: ${port} is the overlay's own (--tunnel-port)`,
    );
  if (pairsOf(one, at.hostAddresses, at.podAddresses).length > 0) return;
  const [host, pod] = [at.hostAddresses.filter(isReachable), at.podAddresses];
  const why = `${address ?? "no hostIP"} stands for no address of this host (${host}) of a family of the pod's (${pod})`;
  throw new AttachmentError("unsupported", `${where}.hostIP: ${why}`);
}

/** Said so that whoever reads it finds the other one. */
function clashOf(
  one: HostPort,
  own: readonly HostPort[],
  others: HostPortSurroundings["others"],
): string | undefined {
  const text = `${one.port}/${one.protocol}`;
  if (own.some((other) => isClash(one, other) && !isSame(one, other)))
    return `${text} is there twice, with another containerPort or hostIP`;
  const other = others.find(({ hostPorts }) => hostPorts.some((port) => isClash(one, port)));
  return other && `${text} leads to ${other.owner}`;
}

function refuseTooMany(wanted: readonly HostPort[], at: HostPortSurroundings): void {
  const { hostAddresses, podAddresses, others } = at;
  const all = [...others, { hostPorts: wanted, addresses: podAddresses }];
  const count = all
    .flatMap(({ hostPorts, addresses }) => hostPorts.map((one) => pairsOf(one, hostAddresses, addresses)))
    .flat().length;
  if (count > ServiceLimit.HOST_PORT_LIMIT)
    throw new AttachmentError(
      "unsupported",
      `runtimeConfig.portMappings: with these ${count} ports of this host lead to pods, one for each address; at most ${ServiceLimit.HOST_PORT_LIMIT} can`,
    );
}

/** Which address of the host leads to which of the pod's. */
export function pairsOf(
  { address }: Pick<HostPort, "address">,
  hostAddresses: readonly string[],
  podAddresses: readonly string[],
): { from: string; to: string }[] {
  return hostAddresses.flatMap((from) => {
    const to = podAddresses.find((one) => isIp6(one) === isIp6(from));
    return to !== undefined && isReachable(from) && covers(address, from) ? [{ from, to }] : [];
  });
}

const isIp6 = (address: string): boolean => address.includes(":");
/** By others than the host itself, and not on one link only. */
const isReachable = (address: string): boolean => !/^(127\.|169\.254\.|::1$|fe[89ab])/i.test(address);

const isAll = (address: string | null): boolean => address === "0.0.0.0" || address === "::";
function covers(address: string | null, one: string): boolean {
  if (address === null) return true;
  return isAll(address) ? isIp6(address) === isIp6(one) : address === one;
}

const isSame = (a: HostPort, b: HostPort): boolean =>
  isClash(a, b) && a.podPort === b.podPort && a.address === b.address;
function isClash(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return (
    a.address === null || b.address === null || covers(a.address, b.address) || covers(b.address, a.address)
  );
}
