/**
 * The ranges that services have their virtual addresses of. They belong to the same plan as pools and uplinks: an address
 * means one thing, so whoever changes any of it holds the pool maker's lock. Which service has which address is service/'s.
 */
import { AppError } from "@millrace/contract/error";
import { overlaps, type Prefix, parsePrefix } from "@millrace/contract/prefix";
import {
  DEFAULT_SERVICE_RANGES,
  ServiceRanges,
  type ServiceRangesView,
  type SetServiceRangesInput,
} from "@millrace/contract/service";
import { type Author, change, type Transaction } from "../audit/service.ts";
import { findSetting, upsertSetting } from "../setting/service.ts";
import * as repo from "./repo.ts";

const KEY = "service-ranges";
const FIELDS = ["prefix4", "prefix6"] as const;

const conflict = (why: string): AppError => new AppError("CONFLICT", why, { publicMessage: why });

/** null: no service ever had an address. */
export async function findServiceRanges(tx?: Transaction): Promise<ServiceRanges | null> {
  return ServiceRanges.safeParse(await findSetting(KEY, tx)).data ?? null;
}

export const prefixesOf = (ranges: ServiceRanges | null): Prefix[] =>
  FIELDS.flatMap((field) => parsePrefix(ranges?.[field] ?? "") ?? []);

export async function getServiceRanges(): Promise<ServiceRangesView> {
  const [ranges, used] = await Promise.all([findServiceRanges(), repo.countServiceAddresses()]);
  return { ranges, used };
}

/** What holds, or would with the first service: of the defaults what nothing else lies in. */
export async function plannedServiceRanges(tx: Transaction): Promise<ServiceRanges> {
  const stored = await findServiceRanges(tx);
  if (stored) return stored;
  const pools = await repo.findPools(tx);
  const free = async (text: string | null): Promise<string | null> =>
    text !== null && !poolIn(text, pools) && !(await repo.findUplinkIn(tx, text)) ? text : null;
  return {
    prefix4: await free(DEFAULT_SERVICE_RANGES.prefix4),
    prefix6: await free(DEFAULT_SERVICE_RANGES.prefix6),
  };
}

/** Until the transaction's end: what lies where changes for nobody else. */
export const lockAddressPlan = (tx: Transaction): Promise<void> => repo.asOnlyPoolMaker(tx);

/** From now on they hold: nothing else gets addresses of them. Under the lock; hosts are told when the transaction commits. */
export async function settleServiceRanges(tx: Transaction): Promise<void> {
  if (await findServiceRanges(tx)) return;
  await upsertSetting(tx, KEY, await plannedServiceRanges(tx));
  await repo.tellAllOfRanges(tx);
}

export async function setServiceRanges(
  input: SetServiceRangesInput,
  author: Author,
): Promise<ServiceRangesView> {
  const detail: Record<string, unknown> = { to: input };
  await change({ author, action: "pools.setServiceRanges", target: KEY, detail }, async (tx) => {
    await repo.asOnlyPoolMaker(tx);
    detail.from = await findServiceRanges(tx);
    const pools = await repo.findPools(tx);
    for (const field of FIELDS) await refuseClash(tx, field, input[field], pools);
    const outside = await repo.findServiceOutside(
      tx,
      [input.prefix4, input.prefix6].filter((one) => one !== null),
    );
    if (outside)
      throw conflict(`service ${outside.service} has ${outside.address}, which lies in neither range`);
    await upsertSetting(tx, KEY, input);
    await repo.tellAllOfRanges(tx);
  });
  return getServiceRanges();
}

async function refuseClash(
  tx: Transaction,
  field: (typeof FIELDS)[number],
  text: string | null,
  pools: readonly repo.PoolRow[],
): Promise<void> {
  if (text === null) return;
  const pool = poolIn(text, pools);
  if (pool) throw conflict(`${field}: ${text} overlaps pool “${pool.name}”`);
  const used = await repo.findUplinkIn(tx, text);
  if (used) throw conflict(`${field}: ${text} holds ${used.uplink}, by which host “${used.host}” is reached`);
}

function poolIn(text: string, pools: readonly repo.PoolRow[]): repo.PoolRow | undefined {
  const range = parsePrefix(text) as Prefix;
  return pools.find((pool) =>
    FIELDS.some((field) => {
      const prefix = parsePrefix(pool[field] ?? "");
      return prefix !== undefined && overlaps(prefix, range);
    }),
  );
}
