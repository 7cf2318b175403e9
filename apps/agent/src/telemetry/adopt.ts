/**
 * Brings the stored baselines and the kernel's tables of an adopted generation together: what the kernel has
 * no longer is forgotten, what it has and nobody stored is counted from zero, as it was never reported.
 */

import { DROP_KEY_SIZE } from "@millrace/abi/generated/event";
import { FLOW_KEY_SIZE } from "@millrace/abi/generated/flow";
import type { Dataplane, EndpointEntry, TableBytes } from "../dataplane/dataplane.ts";
import type { InterfacePlace } from "../dataplane/place.ts";
import { type EndpointRegistry, NOBODY } from "../endpoint/registry.ts";
import type { Baselines } from "./baselines.ts";
import { aligned } from "./flow-baseline.ts";
import { KEY, KEY_WORDS } from "./flow-table.ts";

/** The pod's end of a link that is counted at the host's, by where that is; undefined for what isn't. */
export type PodEndOf = (port: InterfacePlace) => InterfacePlace | undefined;

export function adopt(
  dataplane: Dataplane,
  baselines: Baselines,
  registry: EndpointRegistry,
  podEndOf: PodEndOf,
): void {
  adoptEndpoints(dataplane.endpoints(), baselines, registry, podEndOf);
  adoptFlows(dataplane.readFlows(), baselines, registry);
  adoptDrops(dataplane.readDrops(), baselines);
}

function adoptEndpoints(
  entries: readonly EndpointEntry[],
  baselines: Baselines,
  registry: EndpointRegistry,
  podEndOf: PodEndOf,
): void {
  const present = new Set(entries.map(({ endpointId }) => endpointId));
  for (const id of baselines.endpoints.keys()) if (!present.has(id)) baselines.endpoints.delete(id);
  for (const { cookie, ifindex, endpointId } of entries) {
    const known = baselines.endpoints.get(endpointId);
    if (known) registry.restore(known);
    else {
      // Attached, and the agent died before its first report.
      const podEnd = podEndOf({ cookie, ifindex });
      const place = podEnd ? { ...podEnd, port: { cookie, ifindex } } : { cookie, ifindex };
      registry.add(endpointId, { ...place, interface: `if${place.ifindex}`, addresses: [] }, NOBODY);
    }
  }
}

function adoptFlows(table: TableBytes, baselines: Baselines, registry: EndpointRegistry): void {
  const { flows } = baselines;
  const keys = aligned(table.keys.subarray(0, table.count * FLOW_KEY_SIZE));
  const present = new Uint8Array(flows.size);
  for (let at = 0; at < keys.length; at += KEY_WORDS) {
    registry.reserve(keys[at + KEY.endpoint] as number);
    const slot = flows.find(keys, at);
    if (slot >= 0) present[slot] = 1;
  }
  for (let slot = flows.size - 1; slot >= 0; slot--) if (!present[slot]) flows.removeSlot(slot);
}

function adoptDrops(table: TableBytes, baselines: Baselines): void {
  const keys: Uint8Array[] = [];
  for (let i = 0; i < table.count; i++)
    keys.push(table.keys.subarray(i * DROP_KEY_SIZE, (i + 1) * DROP_KEY_SIZE));
  baselines.drops.keep(keys);
}
