/**
 * A node port in the place of a virtual address: by that text leases, layout and the kernel's tables know it
 * (lib/node_port.h), so that it is asked for, kept and written as any service's address is. Pure.
 */
import { ServiceLimit } from "@millrace/abi/generated/service";
import type { NodePort, NodePortAnswer, ServiceAnswer } from "@millrace/contract/service";
import { addressBytes, addressText } from "../endpoint/address.ts";

const PREFIX = [0x01, 0, 0, 0, 0, 0, 0x6e, 0x70, 0, 0, 0];
const isNumbered = (port: number): boolean =>
  port >= ServiceLimit.NODE_PORT_FIRST && port <= ServiceLimit.NODE_PORT_LAST;

export const nodePortAddress = ({ family, protocol, port }: NodePort): string =>
  addressText(Uint8Array.from([...PREFIX, family, 0, protocol, port >> 8, port & 0xff]));

/** Undefined for what is no node port's. */
export function nodePortOf(address: string): NodePort | undefined {
  const bytes = address.startsWith("100::6e70") ? addressBytes(address) : undefined;
  if (!bytes || PREFIX.some((byte, i) => bytes[i] !== byte)) return undefined;
  const [family, protocol] = [bytes[11], bytes[13]];
  const port = ((bytes[14] as number) << 8) | (bytes[15] as number);
  if ((family !== 4 && family !== 6) || (protocol !== 6 && protocol !== 17) || !isNumbered(port))
    return undefined;
  return { family, protocol, port };
}

/** Where packets to an address and port of this host's own may be a service's. */
export function nodePortAt(address: string, protocol: number, port: number): string | undefined {
  if ((protocol !== 6 && protocol !== 17) || !isNumbered(port)) return undefined;
  return nodePortAddress({ family: address.includes(":") ? 6 : 4, protocol, port });
}

/** As if it had been asked for by its address: a service of one port. */
export function asServiceAnswer({ asked, found, leaseSeconds }: NodePortAnswer): ServiceAnswer {
  const address = nodePortAddress(asked);
  const { protocol, port } = asked;
  if (!found) return { address, found: null, reason: "no-service", leaseSeconds };
  const { backends, ...service } = found;
  const ports = [{ name: "", protocol, port, backends }];
  return { address, found: { ...service, addresses: [address], ports }, reason: null, leaseSeconds };
}
