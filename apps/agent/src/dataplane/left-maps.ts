/**
 * The last look at maps of an earlier life that can't be taken up: their observing ends, and what each endpoint had
 * counted by then is read through the types that travel with the map. Knows none of today's layouts: the maps are
 * another version's, older or newer.
 */
import fs from "node:fs";
import path from "node:path";
import {
  type BpfMap,
  type BtfMember,
  type BtfStruct,
  type BtfTypes,
  openPinnedMap,
  rcuBarrier,
} from "@millrace/native/native";
import type { EndpointTotal, LeftBehind } from "./dataplane.ts";
import { endHook } from "./device-hook.ts";
import { filesIn, isInNamespace, type LeftPins } from "./pins.ts";

/** Where an endpoint's value has what; `totals` are those of either direction, packets and bytes within each. */
type Layout = { endpointId: number; totals: number[]; packets: number; bytes: number };

export function lastLook({ generation, directory, why, reported }: LeftPins, hostCookie: bigint): LeftBehind {
  try {
    endCounting(directory, hostCookie);
    const map = openPinnedMap(path.join(directory, "maps", "endpoints"));
    try {
      return { generation, why, reported, totals: readTotals(map) };
    } finally {
      map.close();
    }
  } catch (error) {
    const problem = `what they counted can't be read: ${(error as Error).message}`;
    return { generation, why: `${why}; ${problem}`, reported, totals: undefined };
  }
}

/**
 * When this returns, no program that only observes adds to these maps any more. What carries packets stays until each pod
 * has its successor: one whose link nobody looks after would reach whatever the host's stack reaches.
 */
function endCounting(directory: string, hostCookie: bigint): void {
  for (const file of filesIn(path.join(directory, "hooks")))
    if (!isInNamespace(file, hostCookie)) endHook(file);
  fs.rmSync(path.join(directory, "programs"), { recursive: true, force: true });
  rcuBarrier();
}
/** In a table by slot, nobody's have no number. */
function readTotals(map: BpfMap): EndpointTotal[] {
  const layout = layoutOf(map);
  const { count, values } = map.readAll();
  const cpuBytes = map.stride / map.cpus;
  const totals = Array.from({ length: count }, (_, i) => {
    const at = i * map.stride;
    const sum = (word: number): number => {
      let total = 0n;
      for (let cpu = 0; cpu < map.cpus; cpu++)
        for (const counters of layout.totals)
          total += values.readBigUInt64LE(at + cpu * cpuBytes + counters + word);
      return Number(total);
    };
    const endpointId = values.readUInt32LE(at + layout.endpointId);
    return { endpointId, packets: sum(layout.packets), bytes: sum(layout.bytes) };
  });
  return totals.filter(({ endpointId }) => endpointId !== 0);
}

function layoutOf(map: BpfMap): Layout {
  const types = map.btf();
  if (!types) throw new Error("they bring no types along");
  try {
    return layoutIn(types.typeJson());
  } finally {
    types.close();
  }
}

/** Of `counters[direction][class]`: the total is class 0 in every version. */
function layoutIn({ structs }: BtfTypes): Layout {
  const endpoint = member(structs.endpoint, "counters");
  const ofDirection = endpoint.type.kind === "array" ? endpoint.type.element : undefined;
  if (endpoint.type.kind !== "array" || ofDirection?.kind !== "array")
    throw new Error("their counters are none by direction and class");
  const { length } = endpoint.type;
  return {
    endpointId: member(structs.endpoint, "endpoint_id", 4).offset,
    totals: Array.from({ length }, (_, direction) => endpoint.offset + direction * ofDirection.size),
    packets: member(structs.flow_counters, "packets", 8).offset,
    bytes: member(structs.flow_counters, "bytes", 8).offset,
  };
}

function member(struct: BtfStruct | undefined, name: string, size?: number): BtfMember {
  const found = struct?.members.find((one) => one.name === name && (size ?? one.size) === one.size);
  if (!found) throw new Error(`they have no ${name}${size ? ` of ${size} bytes` : ""}`);
  return found;
}
