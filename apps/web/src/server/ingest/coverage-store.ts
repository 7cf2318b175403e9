/**
 * Coverage in the database. What a claim covers anew may already be counted from the other end: it is uncounted
 * in the transaction that stores the claim. While one covers anew, no batch is between its decision and its commit:
 * batches hold the lock shared from before they decide, and know all that was committed by then.
 */
import type pg from "pg";
import { type Connection, type Queryable, transaction } from "../db.ts";
import { Lru } from "../lru.ts";
import { timestamp } from "../sql.ts";
import { keyOf, textOf } from "./address.ts";
import { type Claim, type Coverage, type Life, nextStep, type Step } from "./coverage.ts";
import { AHEAD_US } from "./decode.ts";
import type { Budget } from "./names.ts";
import { uncount } from "./uncount.ts";

const LOCK = 0x6d72_0002;
const MINUTE_US = 60e6;
/** Batches that are older than this come too late for raw rows anyway. */
const REMEMBERED = "9 days";
const MOST_LOADED = 400_000;
const MOST_REFUSED = 100_000;

type Row = { endpoint: number; address: string; from: number; until: number };
const ROW = `endpoint_id as endpoint, host(address) as address,
  round(date_part('epoch', from_at) * 1e6) as "from", round(date_part('epoch', until_at) * 1e6) as until`;

export class CoverageStore {
  readonly #pool: pg.Pool;
  readonly #known: Coverage;
  readonly #refused = new Lru<string, true>(MOST_REFUSED);
  /** Claims beyond what their host may make in an hour. */
  refused = 0;
  /** Updates that counted until their other observer was heard of. */
  uncounted = 0;

  constructor(pool: pg.Pool, known: Coverage) {
    this.#pool = pool;
    this.#known = known;
  }

  /** Before the batch that makes the claims is stored; harms nobody if it never is. */
  async claim(claims: readonly Claim[], nowUs: number, budget: Budget): Promise<void> {
    const wider = claims.filter((claim) => nextStep(claim, this.#known.life(claim)) !== undefined);
    const ahead = wider.filter((claim) => this.#onlyAhead(claim, nowUs));
    if (ahead.length > 0) await this.#prolong(ahead);
    const reaching = wider.filter((claim) => !ahead.includes(claim));
    let left = this.#afforded(reaching, budget);
    while (left.length > 0) left = await this.#reach(left);
  }

  /**
   * The longest-lived claim is of an endpoint that goes on: nothing can have been counted yet in what it adds, and no
   * other process can have known so little of it that it decides otherwise.
   */
  #onlyAhead(claim: Claim, nowUs: number): boolean {
    const known = this.#known.life(claim);
    return (
      known !== undefined && claim.fromUs >= known.fromUs && known.untilUs > nowUs + AHEAD_US + MINUTE_US
    );
  }

  async #prolong(claims: readonly Claim[]): Promise<void> {
    await this.#pool.query(
      `update coverage c set until_at = greatest(c.until_at, n.until_at)
       from unnest($1::int4[], $2::inet[], $3::timestamptz[]) as n (endpoint_id, address, until_at)
       where c.endpoint_id = n.endpoint_id and c.address = n.address`,
      [...keysOf(claims), claims.map((claim) => timestamp(claim.untilUs))],
    );
    for (const claim of claims) this.#known.widen(claim, claim);
  }

  /** What an agent claims for the first time is a row for good: beyond its budget such claims cover nothing. */
  #afforded(claims: readonly Claim[], budget: Budget): Claim[] {
    const fresh = claims.filter((claim) => this.#known.life(claim) === undefined);
    const refused = new Set(fresh.slice(budget.take(fresh.length)));
    for (const { endpointId, address } of refused) {
      const key = `${endpointId} ${address}`;
      if (!this.#refused.get(key)) this.refused++;
      this.#refused.set(key, true);
    }
    return claims.filter((claim) => !refused.has(claim));
  }

  /** One step of each; the answer is those with more to go. */
  async #reach(claims: readonly Claim[]): Promise<Claim[]> {
    const done = await transaction(
      async (connection) => {
        await holdAlone(connection);
        const stored = await livesOf(connection, claims);
        const steps = claims.flatMap((claim) => nextStep(claim, stored.get(keyText(claim))) ?? []);
        if (steps.length === 0) return { stored, steps, version: undefined };
        const version = await storeSteps(connection, steps);
        const windows = steps.map(({ claim, added }) => ({ address: textOf(claim.address), ...added }));
        this.uncounted += await uncount(connection, windows);
        return { stored, steps, version };
      },
      { pool: this.#pool },
    );
    for (const claim of claims) {
      const life = done.stored.get(keyText(claim));
      if (life) this.#known.widen(claim, life);
    }
    for (const { claim, life } of done.steps) this.#known.widen(claim, life);
    // Were others before this one, they are read with the next batch.
    if (done.version === this.#known.version + 1) this.#known.version = done.version;
    return done.steps.flatMap(({ claim, life }) => (nextStep(claim, life) ? [claim] : []));
  }

  /** At the start of a batch's transaction: from here to its end, what is covered stays as it is known now. */
  async hold(connection: Connection): Promise<void> {
    const results = (await connection.query(
      `select pg_advisory_xact_lock_shared(${LOCK}); select value::float8 from tallies where name = 'coverage'`,
    )) as unknown as { rows: { value: number }[] }[];
    const version = results.at(-1)?.rows[0]?.value ?? 0;
    if (version === this.#known.version) return;
    await this.#read(connection, "version > $1", [this.#known.version]);
    this.#known.version = version;
  }

  /** At start, all that batches may still ask for; later what was prolonged, which has no version of its own. */
  async load(): Promise<void> {
    if (this.#known.size > 0) return this.#read(this.#pool, "until_at > now()", []);
    return this.#read(this.#pool, `until_at > now() - interval '${REMEMBERED}'`, []);
  }

  async #read(db: Queryable, which: string, values: unknown[]): Promise<void> {
    const { rows } = await db.query<Row>(
      `select * from (select ${ROW} from coverage where ${which} order by until_at desc limit ${MOST_LOADED}) c
       order by until`,
      values,
    );
    for (const row of rows) {
      const address = keyOf(row.address);
      if (address === undefined) continue;
      this.#known.widen({ endpointId: row.endpoint, address }, { fromUs: row.from, untilUs: row.until });
    }
  }
}

/** From here to the transaction's end no batch is between its decision and its commit. */
export async function holdAlone(connection: Connection): Promise<void> {
  await connection.query("select pg_advisory_xact_lock($1)", [LOCK]);
}

const keyText = ({ endpointId, address }: Claim): string => `${endpointId} ${textOf(address)}`;
const keysOf = (claims: readonly Claim[]) => [
  claims.map((claim) => claim.endpointId),
  claims.map((claim) => textOf(claim.address)),
];

async function livesOf(db: Queryable, claims: readonly Claim[]): Promise<Map<string, Life>> {
  const { rows } = await db.query<Row>(
    `select ${ROW} from coverage where (endpoint_id, address) in (select * from unnest($1::int4[], $2::inet[]))`,
    keysOf(claims),
  );
  return new Map(
    rows.map((row) => [`${row.endpoint} ${row.address}`, { fromUs: row.from, untilUs: row.until }]),
  );
}

/** Returns the version they were stored under. */
async function storeSteps(connection: Connection, steps: readonly Step[]): Promise<number> {
  const { rows } = await connection.query<{ value: number }>(
    `insert into tallies (name, value) values ('coverage', 1)
     on conflict (name) do update set value = tallies.value + 1 returning value::float8`,
  );
  const version = (rows[0] as { value: number }).value;
  await connection.query(
    `insert into coverage (endpoint_id, address, from_at, until_at, version)
     select e.id, n.address, n.from_at, n.until_at, $5
     from unnest($1::int4[], $2::inet[], $3::timestamptz[], $4::timestamptz[]) as n (id, address, from_at, until_at)
     join endpoints e on e.id = n.id
     on conflict (endpoint_id, address) do update set version = excluded.version,
       from_at = least(coverage.from_at, excluded.from_at), until_at = greatest(coverage.until_at, excluded.until_at)`,
    [
      ...keysOf(steps.map((step) => step.claim)),
      steps.map(({ life }) => timestamp(life.fromUs)),
      steps.map(({ life }) => timestamp(life.untilUs)),
      version,
    ],
  );
  return version;
}
