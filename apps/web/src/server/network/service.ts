/**
 * Addresses and routes, as agents ask for them: packages/contract/src/network.ts, procedure by procedure. Whose a block is
 * is pool's to say. Who asked where an address is, is told when that changes, and nobody else; so is, by service/, who
 * asked for a service whose backends they are.
 */
import { AppError } from "@millrace/contract/error";
import type {
  LeaseInput,
  LeaseOutput,
  PublishedEndpoint,
  PublishInput,
  PublishOutput,
  Underlay,
} from "@millrace/contract/network";
import type { ReleaseView } from "@millrace/contract/pool";
import {
  type BlockPrefixes,
  contains,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "@millrace/contract/prefix";
import type { ServiceRanges } from "@millrace/contract/service";
import type { AgentHost } from "../agent-gateway/service.ts";
import { type Author, change, type Transaction } from "../audit/service.ts";
import * as pools from "../pool/service.ts";
import { tellOfIdentities, tellOfOwn } from "../service/service.ts";
import { identitiesOf } from "./identity.ts";
import { addressesOf, type Endpoint, type Plan, planPublication, touchedBy } from "./plan.ts";
import * as repo from "./repo.ts";

export { resolve } from "./resolve.ts";

const refused = (code: "CONFLICT" | "NOT_FOUND", why: string): AppError =>
  new AppError(code, why, { publicMessage: why });

export async function lease(host: AgentHost, input: LeaseInput): Promise<LeaseOutput> {
  const { hostId } = host;
  const { moved, ...output } = await repo.transact(async (tx) => {
    const isNew = await repo.insertUnderlay(tx, hostId, input.underlay);
    const before = (await repo.lockUnderlay(tx, hostId)) as repo.UnderlayRow;
    const moved = isSame(before, input.underlay) ? null : before;
    if (moved) await repo.updateUnderlay(tx, hostId, input.underlay);
    // race: a pool that is being made would not see this uplink, nor be seen.
    if (isNew || moved) await pools.asOnlyPoolMaker(tx);
    const there = await pools.findPools(tx);
    refuseUplinkInPool(input.underlay, there);
    refuseUplinkOfService(input.underlay, await pools.findServiceRanges(tx));
    const leased = await pools.leaseBlocks(tx, host, input);
    const { publishedGeneration } = before;
    return { moved, pools: there.map(pools.factsOf), ...leased, publishedGeneration };
  });
  if (moved) {
    await repo.tell(await repo.findAskersOf(hostId));
    await tellOfOwn(hostId, [...uplinksOf(moved), ...uplinksOf(input.underlay)]);
  }
  return output;
}

const uplinksOf = ({ uplink4, uplink6 }: Pick<Underlay, "uplink4" | "uplink6">): string[] =>
  [uplink4, uplink6].filter((uplink) => uplink !== null);

const isSame = (a: Underlay, b: Underlay): boolean =>
  (["uplink4", "uplink6", "mac", "mtu", "vtepPort"] as const).every((field) => a[field] === b[field]);

function refuseUplinkInPool({ uplink4, uplink6 }: Underlay, there: readonly pools.PoolRow[]): void {
  for (const pool of there) {
    const ranges = rangesOf([pool]);
    const uplink = [uplink4, uplink6].find((one) => one !== null && isIn(one, ranges));
    if (uplink) throw refused("CONFLICT", `its uplink ${uplink} is an address of pool “${pool.name}”`);
  }
}

function refuseUplinkOfService({ uplink4, uplink6 }: Underlay, ranges: ServiceRanges | null): void {
  const prefixes = pools.prefixesOf(ranges);
  const uplink = [uplink4, uplink6].find((one) => one !== null && isIn(one, prefixes));
  if (uplink) throw refused("CONFLICT", `its uplink ${uplink} is an address of the range of services`);
}

const rangesOf = (of: readonly BlockPrefixes[]): Prefix[] =>
  of.flatMap(({ prefix4, prefix6 }) => [prefix4, prefix6]).flatMap((text) => parsePrefix(text ?? "") ?? []);
function isIn(text: string, ranges: readonly Prefix[]): boolean {
  const address = parseAddress(text);
  return address !== undefined && ranges.some((range) => contains(range, address));
}

export async function publish({ hostId, hostName }: AgentHost, input: PublishInput): Promise<PublishOutput> {
  const { generation, last } = input;
  const { changed, output } = await repo.transact(async (tx) => {
    const underlay = await repo.lockUnderlay(tx, hostId);
    if (!underlay) throw refused("CONFLICT", `host ${hostName} has to lease before it publishes`);
    const newest = underlay.publishedGeneration;
    if (generation < newest)
      throw refused(
        "CONFLICT",
        `generation ${generation} of ${hostName} is older than ${newest}, which is published`,
      );
    const { accepted, refused: outside } = sorted(input.endpoints, await pools.blocksOf(tx, hostId));
    const ids = await identitiesOf(
      tx,
      accepted.map(({ labels }) => labels),
    );
    const named = accepted.map(({ labels: _, ...rest }, i) => ({ ...rest, identityId: ids[i] as number }));
    const plan = planPublication(await repo.findEndpoints(tx, hostId), named, { generation, last });
    await carryOut(tx, hostId, generation, plan);
    const identities = named.map(({ attachmentId, identityId }) => ({ attachmentId, identity: identityId }));
    return { changed: plan, output: { identities, refused: outside } };
  });
  await tellOf(touchedBy(changed));
  const moved = [...changed.remove, ...changed.insert];
  await tellOfIdentities(identityIdsOf(moved));
  await tellOfOwn(hostId, moved.flatMap(addressesOf));
  return output;
}

/** An agent can't claim an address that isn't its host's to give. */
function sorted(
  endpoints: readonly PublishedEndpoint[],
  blocks: readonly BlockPrefixes[],
): { accepted: PublishedEndpoint[]; refused: PublishOutput["refused"] } {
  const accepted: PublishedEndpoint[] = [];
  const refused: PublishOutput["refused"] = [];
  const ranges = rangesOf(blocks);
  for (const endpoint of endpoints) {
    const { attachmentId, address4, address6 } = endpoint;
    const address = [address4, address6].find((one) => one !== null && !isIn(one, ranges));
    if (address) refused.push({ attachmentId, address });
    else accepted.push(endpoint);
  }
  return { accepted, refused };
}

async function carryOut(
  tx: Transaction,
  hostId: number,
  generation: number,
  { remove, insert, keep }: Plan,
): Promise<void> {
  await forget(tx, hostId, remove);
  await repo.insertEndpoints(tx, hostId, generation, insert);
  await repo.markEndpoints(tx, hostId, generation, idsOf(keep));
  await repo.setPublished(tx, hostId, generation);
}

const identityIdsOf = (rows: readonly Endpoint[]): number[] => [
  ...new Set(rows.map((row) => row.identityId)),
];
const idsOf = (rows: readonly Endpoint[]): string[] => rows.map((row) => row.attachmentId);

async function forget(tx: Transaction, hostId: number, endpoints: readonly Endpoint[]): Promise<void> {
  await repo.deleteEndpoints(tx, hostId, idsOf(endpoints));
  await repo.giveUpIdentities(tx, identityIdsOf(endpoints));
}

/** A person says that the host will not come back: anybody may get its blocks. */
export async function releaseHost(name: string, author: Author): Promise<ReleaseView> {
  const detail: Record<string, unknown> = {};
  const { view, gone } = await change(
    { author, action: "network.release", target: name, detail },
    async (tx) => {
      const hostId = await repo.findHostId(tx, name);
      if (hostId === undefined) throw refused("NOT_FOUND", `there is no host “${name}”`);
      await repo.lockUnderlay(tx, hostId);
      const silentMs = await repo.findSilence(tx, hostId);
      if (silentMs !== null && silentMs < pools.SILENT_MS)
        throw refused(
          "CONFLICT",
          `host “${name}” was heard ${Math.floor(silentMs / 1000)} seconds ago: its pods have these addresses`,
        );
      const blocks = await pools.releaseBlocks(tx, hostId);
      if (blocks.length === 0) throw refused("CONFLICT", `host “${name}” holds no block`);
      const gone = await repo.findEndpoints(tx, hostId);
      await forget(tx, hostId, gone);
      const view = { host: name, blocks, endpoints: gone.length };
      Object.assign(detail, { blocks, endpoints: gone.length });
      return { view, gone };
    },
  );
  await tellOf(gone.flatMap(addressesOf));
  await tellOfIdentities(identityIdsOf(gone));
  return view;
}

/** A host may not speak any more: whoever goes by where its pods are, or by what they serve, is told. After the change is committed. */
export async function tellOfHost(hostId: number): Promise<void> {
  await repo.tell(await repo.findAskersOf(hostId));
  await tellOfIdentities(await repo.findIdentityIdsOf(hostId));
}

/** race: asked for after the change is committed. Who asks from then on gets the new answer; who asked before is found here. */
async function tellOf(addresses: readonly string[]): Promise<void> {
  if (addresses.length > 0) await repo.tell(await repo.findAskers(addresses));
}

/** What time alone brings about: silent hosts and those that are back, answers nobody goes by any more, unused numbers. */
export async function sweepNetwork(): Promise<Awaited<ReturnType<typeof pools.sweepBlocks>>> {
  await repo.deleteEndedLeases();
  await repo.forgetIdentities();
  return pools.sweepBlocks();
}
