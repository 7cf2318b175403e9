/**
 * Where addresses are, as far as a host needs to know. It costs as much as was asked, however large the fleet: each
 * address is in one pool and one block by arithmetic, and the rest is looked up by index.
 */
import {
  type Absence,
  type HostAnswer,
  RESOLVE_LIMITS,
  type Resolved,
  type ResolveInput,
  type ResolveOutput,
} from "@millrace/contract/network";
import { type Address, type Cut, cutPool, parseAddress, placeIn } from "@millrace/contract/prefix";
import type { AgentHost } from "../agent-gateway/service.ts";
import { findPools, type PoolRow } from "../pool/service.ts";
import * as repo from "./repo.ts";

type Range = { pool: PoolRow; cut: Cut };
type Located = { pool: PoolRow; asked: repo.Asked };

export async function resolve(
  host: AgentHost,
  { addresses, hosts = [] }: ResolveInput,
): Promise<ResolveOutput> {
  const ranges = (await findPools()).map((pool) => ({ pool, cut: cutPool(pool) }));
  const located = addresses.map((address) => locate(address, ranges));
  const asked = located.filter((one) => typeof one === "object");
  // race: first it is written who asks. What changes after the answer was read is then told to this host.
  const places = asked.length > 0 ? await lookUp(host.hostId, asked) : [];
  let at = 0;
  return {
    resolved: located.map((one, i) => {
      const address = addresses[i] as string;
      if (typeof one === "string") return absent(address, one);
      return answer(address, one.pool, places[at++] as repo.Place);
    }),
    hosts: hosts.length > 0 ? (await repo.findHostsAt(hosts)).map(hostAnswer) : [],
  };
}

const hostAnswer = ({ address, name, underlay }: repo.HostAt): HostAnswer => ({
  address,
  host: name !== null && underlay ? { name, ...underlay } : null,
  leaseSeconds: name === null ? RESOLVE_LIMITS.absentSeconds : RESOLVE_LIMITS.foundSeconds,
});

async function lookUp(hostId: number, located: readonly Located[]): Promise<repo.Place[]> {
  const asked = located.map((one) => one.asked);
  const addresses = asked.map((one) => one.address);
  await repo.saveLeases(hostId, addresses, RESOLVE_LIMITS.foundSeconds);
  return repo.findPlaces(asked);
}

function locate(text: string, ranges: readonly Range[]): Located | Absence {
  const address = parseAddress(text) as Address;
  for (const { pool, cut } of ranges) {
    const index = placeIn(cut, address);
    if (index === "beyond") return "no-block";
    if (index !== "outside") return { pool, asked: { address: text, poolId: pool.id, index } };
  }
  return "not-in-pool";
}

const absent = (address: string, reason: Absence): Resolved => ({
  address,
  found: null,
  reason,
  leaseSeconds: RESOLVE_LIMITS.absentSeconds,
});

function answer(address: string, { name, mode }: PoolRow, place: repo.Place): Resolved {
  if (place.host === null) return absent(address, "no-block");
  if (place.revoked) return absent(address, "host-gone");
  if (!place.underlay || place.identity === null || place.labels === null)
    return absent(address, "no-endpoint");
  return {
    address,
    found: {
      host: { name: place.host, ...place.underlay },
      ...{ pool: name, mode, identity: place.identity, labels: place.labels },
    },
    reason: null,
    leaseSeconds: RESOLVE_LIMITS.foundSeconds,
  };
}
