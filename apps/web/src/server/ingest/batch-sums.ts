/**
 * What a batch adds to the sums: its rows at their finest key, by the names that are worth one, with the names'
 * ids. It writes new names (before the batch's transaction commits, on a connection of its own) and no sums.
 */
import type { Queryable } from "../db.ts";
import type { Batch } from "./decode.ts";
import { type Names, UNTIL_COVERED } from "./enrich.ts";
import { type Budget, rollupNameInterner, rollupNameKey } from "./names.ts";
import { addUp, peerBytes, type RollupRow, type Shown, shownNames, worthNaming } from "./rollup.ts";
import { RollupCardinality } from "./rollup-cardinality.ts";
import type { RollupName } from "./rollup-name.ts";
import { type NameIds, rollupNameIds } from "./rollup-store.ts";
import type { CountedNames } from "./rows.ts";

export type BatchSums = {
  readonly finest: RollupRow[];
  readonly nameIds: NameIds;
  /** Kept with the rows that may still be uncounted: where in the rollups they are. */
  readonly countedNames: CountedNames;
};

export class Summing {
  readonly cardinality = new RollupCardinality();
  readonly #names;

  constructor(db: Queryable) {
    this.#names = rollupNameInterner(db);
  }

  /** Names beyond the host's budget are counted as other. */
  async of(batch: Batch, hostId: number, names: Names, budget?: Budget): Promise<BatchSums> {
    const peers = this.cardinality.namedPeers(hostId, batch.head.to / 1000, peerBytes(batch, names));
    const worth = shownNames(names, worthNaming(peers));
    const nameIds = await rollupNameIds(this.#names, worth, budget);
    const hasId = (name: RollupName) => nameIds.has(rollupNameKey(name));
    const shown = shownNames({ flowSrcName: worth.src, flowDstName: worth.dst }, hasId);
    const finest = addUp(batch, names, shown);
    return { finest, nameIds, countedNames: countedNamesOf(names, shown, nameIds) };
  }
}

function countedNamesOf(names: Names, shown: Shown, ids: NameIds): CountedNames {
  const rows = names.counted.length;
  const src = new Int32Array(rows);
  const dst = new Int32Array(rows);
  const known = new Map<RollupName, number>();
  const idOf = (name: RollupName): number => {
    let id = known.get(name);
    if (id === undefined) {
      id = ids.get(rollupNameKey(name)) ?? 0;
      known.set(name, id);
    }
    return id;
  };
  for (let row = 0; row < rows; row++) {
    if (names.counted[row] !== UNTIL_COVERED) continue;
    src[row] = idOf(shown.src[row] as RollupName);
    dst[row] = idOf(shown.dst[row] as RollupName);
  }
  return { src, dst };
}
