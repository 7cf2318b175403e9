/**
 * Who covered which address, and when: what decides which of two observers counts. Each batch claims its
 * endpoints' addresses for its time and a while around it; what an endpoint claimed only ever grows, so that the
 * answer depends on which batches there are, not on their order. Memory and arithmetic; coverage-store.ts has the SQL.
 */
import type { BatchHead } from "@millrace/contract/batch";
import { type AddressKey, keyOf } from "./address.ts";

export type Life = { readonly fromUs: number; readonly untilUs: number };
export type Claim = Life & { readonly endpointId: number; readonly address: AddressKey };

const SECOND_US = 1e6;
/** An endpoint is reported after its first packets were counted. */
const EARLY_US = 15 * SECOND_US;
/** A silent endpoint goes on covering its address: what it opens next may be told by the other end first. */
const IDLE_US = 600 * SECOND_US;
/** Claims are rounded up to this, so that an endpoint that speaks each second is written once a minute. */
const QUANTUM_US = 60 * SECOND_US;
/** No more than this is covered anew in one transaction: it looks at all that was counted meanwhile. */
export const STEP_US = 6 * 3600 * SECOND_US;
/** A batch speaks for a day at most, and nobody keeps updates for longer than a year: what is before has nothing to uncount. */
const LONGEST_US = 86_400 * SECOND_US;
const OLDEST_US = 366 * LONGEST_US;
/** 400,000 addresses × ~200 bytes = 80 MB; beyond, the longest untouched go. */
const MOST_LIVES = 400_000;

/** What a batch claims: the same whenever it is looked at, but for what nobody would keep. */
export function claimsOf(head: BatchHead, endpointIds: readonly number[], nowUs: number): Claim[] {
  if (head.to < nowUs - OLDEST_US) return [];
  const fromUs = Math.max(head.from, head.to - LONGEST_US) - EARLY_US;
  const untilUs = Math.ceil(head.to / QUANTUM_US) * QUANTUM_US + IDLE_US;
  return head.endpoints.flatMap((endpoint, at) => {
    const endpointId = endpointIds[at] as number;
    const addresses = new Set(endpoint.addresses.flatMap((text) => keyOf(text) ?? []));
    return [...addresses].map((address) => ({ endpointId, address, fromUs, untilUs }));
  });
}

/** The next stretch on the way from what is known to what is claimed; undefined when it is all known. */
export type Step = { readonly claim: Claim; readonly life: Life; readonly added: Life };
export function nextStep(claim: Claim, known: Life | undefined): Step | undefined {
  if (!known) {
    const life = { fromUs: claim.fromUs, untilUs: Math.min(claim.untilUs, claim.fromUs + STEP_US) };
    return { claim, life, added: life };
  }
  if (claim.fromUs < known.fromUs) {
    const fromUs = Math.max(claim.fromUs, known.fromUs - STEP_US);
    return { claim, life: { ...known, fromUs }, added: { fromUs, untilUs: known.fromUs } };
  }
  if (claim.untilUs <= known.untilUs) return undefined;
  const untilUs = Math.min(claim.untilUs, known.untilUs + STEP_US);
  return { claim, life: { ...known, untilUs }, added: { fromUs: known.untilUs, untilUs } };
}

export class Coverage {
  /** All that was committed up to here is known. */
  version = 0;
  readonly #lives = new Map<AddressKey, Map<number, Life>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }
  life({ endpointId, address }: Pick<Claim, "endpointId" | "address">): Life | undefined {
    return this.#lives.get(address)?.get(endpointId);
  }
  covers(address: AddressKey, atUs: number): boolean {
    for (const life of this.#lives.get(address)?.values() ?? [])
      if (life.fromUs <= atUs && atUs <= life.untilUs) return true;
    return false;
  }

  /** What is known of an endpoint's address becomes at least this. */
  widen({ endpointId, address }: Pick<Claim, "endpointId" | "address">, life: Life): void {
    const lives = this.#lives.get(address) ?? new Map<number, Life>();
    const known = lives.get(endpointId);
    if (!known) this.#size++;
    lives.set(endpointId, {
      fromUs: Math.min(life.fromUs, known?.fromUs ?? life.fromUs),
      untilUs: Math.max(life.untilUs, known?.untilUs ?? life.untilUs),
    });
    this.#lives.delete(address);
    this.#lives.set(address, lives); // the longest untouched stay at the map's front
    if (this.#size > MOST_LIVES) this.#forgetOldest();
  }
  #forgetOldest(): void {
    const [address, lives] = this.#lives.entries().next().value as [AddressKey, Map<number, Life>];
    this.#lives.delete(address);
    this.#size -= lives.size;
  }
}
