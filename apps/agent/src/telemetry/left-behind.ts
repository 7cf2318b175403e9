/**
 * What an earlier life counted after its last report, in maps that can't be taken up: a number where they tell their
 * totals and the spool what was reported of them, else words. Reads the spool's baselines of any version, and of them
 * no more than that.
 */
import type { Loss } from "@millrace/contract/batch";
import { z } from "zod";
import type { LeftBehind } from "../dataplane/dataplane.ts";
import { splitFirst } from "../spool/frame.ts";
import type { StoredBaseline, Unended } from "../spool/recover.ts";

type Counted = { packets: number; bytes: number };
/** Of one set of maps, by endpoint; and other sets of which there is nothing left to tell. */
export type Reported = {
  bootId: string;
  generation: string;
  totals: ReadonlyMap<number, Counted>;
  settled: readonly string[];
};
export type LeftFacts = {
  left: readonly LeftBehind[];
  reported: Reported | undefined;
  /** Of the maps that count now. */
  generation: string;
  bootId: string;
  unended: Unended | undefined;
};
export type Account = {
  /** To be told to the server. */
  losses: Loss[];
  /** Why more may be lost than that. */
  unknown: string[];
  /** All of it, for the log. */
  lines: string[];
};

const Head = z.object({
  bootId: z.string(),
  generation: z.string(),
  classes: z.int().positive().default(6), // as many as there were before it was written down
  settled: z.array(z.string()).default([]),
  endpoints: z.array(z.object({ id: z.int(), totals: z.array(z.number()) })),
});

/** Undefined when the spool holds nothing, or nothing that can be understood. */
export function reportedIn(stored: StoredBaseline | undefined): Reported | undefined {
  if (!stored) return undefined;
  const totals = new Map<number, Counted>();
  let last: z.infer<typeof Head> | undefined;
  for (const bytes of [stored.snapshot, ...stored.changes]) {
    const head = Head.safeParse(parse(splitFirst(bytes))).data;
    if (!head) return undefined;
    for (const endpoint of head.endpoints) totals.set(endpoint.id, countedIn(endpoint.totals, head.classes));
    last = head;
  }
  return last && { bootId: last.bootId, generation: last.generation, totals, settled: last.settled };
}

/** Packets, segments, bytes of each class, the total first; egress, then ingress. */
function countedIn(totals: readonly number[], classes: number): Counted {
  const both = (word: number) => (totals[word] ?? 0) + (totals[classes * 3 + word] ?? 0);
  return { packets: both(0), bytes: both(2) };
}

export function accountFor({ left, reported, generation, bootId, unended }: LeftFacts): Account {
  const lost: Counted = { packets: 0, bytes: 0 };
  const unknown: string[] = [];
  const lines: string[] = [];
  for (const maps of left) {
    if (reported?.settled.includes(maps.generation)) continue;
    const rest = unreported(maps, reported);
    if (rest) {
      lost.packets += rest.packets;
      lost.bytes += rest.bytes;
    } else unknown.push(maps.why);
    lines.push(rest ? `${maps.why}; not reported: ${rest.packets} packets, ${rest.bytes} bytes` : maps.why);
  }
  const there = [generation, ...left.map((maps) => maps.generation)];
  if (reported && unended && !there.includes(reported.generation)) {
    const why = whyCut(reported.bootId === bootId, unended);
    unknown.push(why);
    lines.push(why);
  }
  return { losses: lossesOf(lost), unknown, lines };
}

/** Undefined where that can't be known. */
function unreported(maps: LeftBehind, reported: Reported | undefined): Counted | undefined {
  const isReported = maps.generation === reported?.generation;
  if (!maps.totals || (maps.reported && !isReported)) return undefined;
  const rest = { packets: 0, bytes: 0 };
  for (const { endpointId, packets, bytes } of maps.totals) {
    const told = isReported ? reported.totals.get(endpointId) : undefined;
    rest.packets += Math.max(0, packets - (told?.packets ?? 0));
    rest.bytes += Math.max(0, bytes - (told?.bytes ?? 0));
  }
  return rest;
}

function lossesOf({ packets, bytes }: Counted): Loss[] {
  if (packets === 0) return [];
  const range = { firstSequence: null, lastSequence: null };
  return [
    { what: "left-behind-packets", count: packets, ...range },
    { what: "left-behind-bytes", count: bytes, ...range },
  ];
}

/** Of a life whose maps are gone, and which didn't end by reading them once more. */
function whyCut(isSameBoot: boolean, { lastBatchMs }: Unended): string {
  const end = isSameBoot ? "its maps are gone from the kernel" : "the host went down";
  const since =
    lastBatchMs === undefined ? "it began" : `its batch of ${new Date(lastBatchMs).toISOString()}`;
  return `an agent was cut off: ${end}, and what it counted since ${since} is unknown`;
}

function parse(bytes: Buffer | undefined): unknown {
  try {
    return bytes && JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
