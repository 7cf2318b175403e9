/**
 * What bounds the rollups: how many external peers of a host have a name in an hour, and how many keys a
 * host may have in one bucket. The rest goes by "other". Kept in memory: after a restart a bucket may get as many keys
 * again, no more.
 */
import { Lru } from "../lru.ts";
import { SpaceSaving } from "./space-saving.ts";

/** External peers by bytes that get a name per host and hour: the top ones, and at most twice as many in all. */
export const TOP_PEERS = 50;
export const MOST_KEYS = 2_000;
const COUNTERS = TOP_PEERS * 4;
const HOUR_MS = 3_600_000;
/** 2,000 hosts' hours × 200 counters. */
const MOST_HOURS = 2_000;
/** Keys of all buckets together: 500,000 × ~150 bytes = 75 MB. Beyond, the longest unused buckets start anew. */
const MOST_KEPT_KEYS = 500_000;

type PeerHour = { readonly heaviest: SpaceSaving; readonly named: Set<string> };

export class RollupCardinality {
  readonly #hours = new Lru<string, PeerHour>(MOST_HOURS);
  readonly #buckets = new Map<string, Set<string>>();
  #kept = 0;
  readonly #mostKeys: number;
  overflowed = 0;

  constructor(mostKeys = MOST_KEYS) {
    this.#mostKeys = mostKeys;
  }

  /** Which of these peers (bytes by address) go by their own name in this host's hour. */
  namedPeers(hostId: number, atMs: number, bytes: ReadonlyMap<string, number>): ReadonlySet<string> {
    const key = `${hostId} ${Math.floor(atMs / HOUR_MS)}`;
    const hour = this.#hours.get(key) ?? { heaviest: new SpaceSaving(COUNTERS), named: new Set<string>() };
    this.#hours.set(key, hour);
    const least = floorOfHeaviest(bytes, COUNTERS);
    for (const [peer, weight] of bytes) if (weight >= least) hour.heaviest.add(peer, weight);
    for (const peer of hour.heaviest.top(TOP_PEERS))
      if (bytes.has(peer) && hour.named.size < TOP_PEERS * 2) hour.named.add(peer);
    return hour.named;
  }

  /** Whether a bucket takes a key. False when it has all the keys it may: count this one as other. */
  of(bucket: string): (key: string) => boolean {
    const keys = this.#bucket(bucket);
    return (key) => {
      if (keys.has(key)) return true;
      if (keys.size >= this.#mostKeys) {
        this.overflowed++;
        return false;
      }
      keys.add(key);
      this.#kept++;
      return true;
    };
  }

  #bucket(bucket: string): Set<string> {
    const keys = this.#buckets.get(bucket) ?? new Set<string>();
    this.#buckets.delete(bucket);
    this.#buckets.set(bucket, keys);
    for (const [oldest, old] of this.#buckets) {
      if (this.#kept <= MOST_KEPT_KEYS || old === keys) break;
      this.#buckets.delete(oldest);
      this.#kept -= old.size;
    }
    return keys;
  }
}

/** Of a batch with more peers than counters, only the heaviest can matter. */
function floorOfHeaviest(bytes: ReadonlyMap<string, number>, n: number): number {
  if (bytes.size <= n) return 0;
  return Float64Array.from(bytes.values()).sort().at(-n) as number;
}
