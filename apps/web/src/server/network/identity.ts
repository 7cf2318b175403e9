/** The number of each set of labels: the same as long as anybody has the set, and for a day after. */
import { createHash } from "node:crypto";
import { AppError } from "@millrace/contract/error";
import { type Labels, labelsText } from "@millrace/contract/identity";
import type { Transaction } from "../audit/service.ts";
import * as repo from "./repo.ts";

const hashOf = (labels: Labels): string => createHash("sha256").update(labelsText(labels)).digest("hex");

/** A number that is given is not given again before all others were: after that, some tries meet numbers in use. */
const MOST_TRIES = 100;

/** In the order of `sets`. */
export async function identitiesOf(tx: Transaction, sets: readonly Labels[]): Promise<number[]> {
  const hashes = sets.map(hashOf);
  const byHash = new Map(sets.map((labels, i) => [hashes[i] as string, labels]));
  if (byHash.size === 0) return [];
  const distinct = [...byHash.keys()];
  await repo.touchIdentities(tx, distinct);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const found = new Map((await repo.findIdentities(tx, distinct)).map(({ id, hash }) => [hash, id]));
    const missing = [...byHash].filter(([hash]) => !found.has(hash));
    if (missing.length === 0) return hashes.map((hash) => found.get(hash) as number);
    await repo.insertIdentities(
      tx,
      missing.map(([hash, labels]) => ({ hash, labels })),
    );
  }
  const why = "no identity number is free: too many different sets of labels";
  throw new AppError("CONFLICT", why, { publicMessage: why });
}
