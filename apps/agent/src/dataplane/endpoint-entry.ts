/** Entries of the kernel's table of endpoints as bytes: the key is where an endpoint is, the value begins with its number. */
import {
  ENDPOINT_KEY_SIZE,
  ENDPOINT_OFFSETS,
  EndpointLink,
  encodeEndpointKey,
  readEndpointKey,
} from "@millrace/abi/generated/endpoint";
import type { EndpointEntry, TableBytes } from "./dataplane.ts";
import type { HookedKind } from "./hooks.ts";
import type { EndpointPlace } from "./place.ts";

export function endpointKey({ port, ...own }: EndpointPlace): Buffer {
  const point = port ?? own;
  const key = Buffer.alloc(ENDPOINT_KEY_SIZE);
  encodeEndpointKey(
    { netnsCookie: point.cookie, ifindex: point.ifindex },
    new DataView(key.buffer, key.byteOffset, key.byteLength),
  );
  return key;
}

/** Of one that has counted nothing yet, for each CPU. */
export function endpointValue(
  { stride, cpus }: { stride: number; cpus: number },
  endpointId: number,
  kind: HookedKind,
): Buffer {
  const link = kind === "netkit" ? EndpointLink.NETKIT : EndpointLink.VETH;
  const value = Buffer.alloc(stride);
  for (let at = 0; at < stride; at += stride / cpus) {
    value.writeUInt32LE(endpointId, at + ENDPOINT_OFFSETS.endpointId);
    value.writeUInt32LE(link, at + ENDPOINT_OFFSETS.link);
  }
  return value;
}

/** `stride`: from one value to the next, all CPUs' copies between them. */
export function endpointEntries({ count, keys, values }: TableBytes, stride: number): EndpointEntry[] {
  const [key, value] = [keys, values].map((b) => new DataView(b.buffer, b.byteOffset, b.byteLength)) as [
    DataView,
    DataView,
  ];
  return Array.from({ length: count }, (_, i) => {
    const { netnsCookie, ifindex } = readEndpointKey(key, i * ENDPOINT_KEY_SIZE);
    return { cookie: netnsCookie, ifindex, endpointId: value.getUint32(i * stride, true) };
  });
}
