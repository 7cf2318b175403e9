/**
 * Which virtual addresses services get. One that has an address keeps it; one that asks for one gets that or a problem; the
 * others get a free one of the ranges, beginning where their name says, so that a service made anew has mostly its old one
 * and no address goes from hand to hand at once. Nothing is written here.
 */
import { createHash } from "node:crypto";
import {
  type Address,
  addressText,
  contains,
  type Family,
  lastOf,
  type Prefix,
  parseAddress,
  prefixText,
} from "@millrace/contract/prefix";
import type { ServiceRanges } from "@millrace/contract/service";
import type { Problem } from "@millrace/policy/reading";
import type { ServiceReading } from "@millrace/policy/service-document";
import type { Transaction } from "../audit/service.ts";
import { prefixesOf } from "../pool/service.ts";
import * as repo from "./repo.ts";

export type Wanting = {
  /** null: it isn't there yet. */
  documentId: number | null;
  namespace: string;
  name: string;
  reading: ServiceReading;
};
type Given = { addresses: string[]; problems: Problem[] };

const ADDRESS_FIELD = "spec.clusterIP";

/** In the order of `wanting`. */
export async function planAddresses(
  tx: Transaction,
  wanting: readonly Wanting[],
  ranges: ServiceRanges,
): Promise<Given[]> {
  const plan = new AddressPlan(tx, prefixesOf(ranges));
  const given = wanting.map((): Given => ({ addresses: [], problems: [] }));
  await plan.load(wanting);
  // First those that are asked for, so that none of them is given to another.
  for (const [i, one] of wanting.entries()) plan.takeAsked(one, given[i] as Given);
  for (const [i, one] of wanting.entries()) await plan.takeOthers(one, given[i] as Given);
  return given;
}

class AddressPlan {
  readonly #tx: Transaction;
  readonly #ranges: readonly Prefix[];
  /** Whose each address is, as far as it was asked for or is somebody's of ours. */
  readonly #owners = new Map<string, string>();
  readonly #held = new Map<string, string[]>();

  constructor(tx: Transaction, ranges: readonly Prefix[]) {
    this.#tx = tx;
    this.#ranges = ranges;
  }

  async load(wanting: readonly Wanting[]): Promise<void> {
    const ids = wanting.flatMap(({ documentId }) => documentId ?? []);
    const asked = wanting.flatMap(({ reading }) => reading.addresses);
    for (const { address, owner } of await repo.findOwners(this.#tx, ids, asked)) {
      this.#owners.set(address, owner);
      this.#held.set(owner, [...(this.#held.get(owner) ?? []), address]);
    }
  }

  takeAsked({ reading, ...service }: Wanting, given: Given): void {
    for (const text of reading.addresses) {
      const address = parseAddress(text) as Address;
      const owner = this.#owners.get(text);
      const range = this.#ranges.find((one) => contains(one, address));
      const why =
        owner !== undefined && owner !== ownerOf(service)
          ? `${text} is the address of service ${owner}`
          : range === undefined
            ? `${text} is in no range of services (${this.#ranges.map(prefixText).join(", ") || "there is none"})`
            : isEnd(range, address)
              ? `${text} is an end of ${prefixText(range)}, and no address of it`
              : undefined;
      if (why) given.problems.push({ path: ADDRESS_FIELD, message: why });
      else this.#take(text, service, given);
    }
  }

  async takeOthers({ reading, ...service }: Wanting, given: Given): Promise<void> {
    if (reading.headless || given.problems.length > 0) return;
    const families = reading.families ?? this.#ranges.map((range) => range.family);
    if (families.length === 0)
      given.problems.push({
        path: ADDRESS_FIELD,
        message: "there is no range that services have addresses of",
      });
    for (const family of families) {
      if (given.addresses.some((text) => parseAddress(text)?.family === family)) continue;
      const text = this.#heldOf(service, family) ?? (await this.#freeOf(service, family));
      if (text !== undefined) this.#take(text, service, given);
      else given.problems.push({ path: ADDRESS_FIELD, message: this.#whyNone(family) });
    }
    given.addresses.sort((a, b) => families.indexOf(familyOf(a)) - families.indexOf(familyOf(b)));
  }

  #take(text: string, service: Named, given: Given): void {
    this.#owners.set(text, ownerOf(service));
    given.addresses.push(text);
  }
  #heldOf(service: Named, family: Family): string | undefined {
    return this.#held.get(ownerOf(service))?.find((text) => {
      const address = parseAddress(text) as Address;
      return address.family === family && this.#ranges.some((range) => contains(range, address));
    });
  }
  async #freeOf(service: Named, family: Family): Promise<string | undefined> {
    const range = this.#ranges.find((one) => one.family === family);
    if (!range) return undefined;
    for (const candidates of windows(range, ownerOf(service))) {
      const taken = new Set(await repo.findTaken(this.#tx, candidates));
      const free = candidates.find((text) => !taken.has(text) && !this.#owners.has(text));
      if (free !== undefined) return free;
    }
    return undefined;
  }
  #whyNone(family: Family): string {
    const range = this.#ranges.find((one) => one.family === family);
    return range
      ? `no address of ${prefixText(range)} is free`
      : `there is no IPv${family} range that services have addresses of`;
  }
}

type Named = Pick<Wanting, "namespace" | "name">;
const ownerOf = ({ namespace, name }: Named): string => `${namespace}/${name}`;
const familyOf = (text: string): Family => (parseAddress(text) as Address).family;

/** The first address of a prefix names the prefix, the last one means everybody. */
const isEnd = (range: Prefix, { value }: Address): boolean =>
  value === range.first || value === lastOf(range).value;

/** What is looked at in one question; the search ends after so many addresses, of however many. */
const WINDOWS = [64, 1024, 16_384, 131_072] as const;

/** All addresses of the range but its ends, from where the name says, in growing pieces and each at most once. */
function* windows(range: Prefix, name: string): Generator<string[]> {
  const count = lastOf(range).value - range.first - 1n;
  const start = createHash("sha256").update(name).digest().readBigUInt64BE() % count;
  let at = 0n;
  for (const size of WINDOWS) {
    const window: string[] = [];
    for (; window.length < size && at < count; at++)
      window.push(addressText({ family: range.family, value: range.first + 1n + ((start + at) % count) }));
    if (window.length > 0) yield window;
  }
}
