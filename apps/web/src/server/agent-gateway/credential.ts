/**
 * An agent's credential: the host's id and 256 random bits, of which only the hash is stored. Which host
 * speaks is known from here and from nothing it says. What was found is kept for a few seconds, so that a
 * batch a second and host doesn't ask the database; a revocation is told over the bus and ends that at once.
 */
import { timingSafeEqual } from "node:crypto";
import { AppError } from "@millrace/contract/error";
import type { Clock } from "../clock.ts";
import { hashSecret, newSecret } from "../secret.ts";
import type { Credential } from "./repo.ts";

export type AgentHost = { readonly hostId: number; readonly hostName: string };

const PREFIX = "mrh_";
const FORM = /^mrh_(\d{1,10})_([A-Za-z0-9_-]{43})$/;
const KEPT_MS = 5_000;
const MOST_KEPT = 20_000;
const INT4_MAX = 2_147_483_647;

/** Of the key that the agent made; of ours for one that made none. */
export function newCredential(hostId: number, key = newSecret("")): { credential: string; hash: string } {
  const credential = `${PREFIX}${hostId}_${key}`;
  return { credential, hash: hashSecret(credential) };
}

type Found = { readonly stored: Credential | undefined; readonly untilMs: number };

export class Credentials {
  readonly #find: (hostId: number) => Promise<Credential | undefined>;
  readonly #clock: Clock;
  readonly #kept = new Map<number, Found>();

  constructor(find: (hostId: number) => Promise<Credential | undefined>, clock: Clock) {
    this.#find = find;
    this.#clock = clock;
  }

  /** Throws UNAUTHENTICATED for what is no credential, not this host's any more, or revoked. */
  async check(authorization: string | undefined): Promise<AgentHost> {
    const given = authorization?.startsWith("Bearer ") ? authorization.slice(7) : "";
    const match = FORM.exec(given);
    const hostId = Number(match?.[1]);
    if (!match || hostId > INT4_MAX)
      throw new AppError("UNAUTHENTICATED", "no agent credential was given", {
        publicMessage: "An agent's credential is needed: enrol first",
      });
    const stored = await this.#stored(hostId);
    if (!stored || !isEqual(hashSecret(given), stored.hash))
      throw new AppError("UNAUTHENTICATED", `a wrong credential for host ${hostId}`, {
        publicMessage: "This credential is not valid: enrol again",
      });
    if (stored.revoked)
      throw new AppError("UNAUTHENTICATED", `the revoked credential of ${stored.name}`, {
        publicMessage: "This credential was revoked",
      });
    return { hostId, hostName: stored.name };
  }

  /** Asks the database anew. */
  async isRevoked(hostId: number): Promise<boolean> {
    this.forget(hostId);
    return (await this.#stored(hostId))?.revoked ?? true;
  }

  /** null: any may have changed. */
  forget(hostId: number | null): void {
    if (hostId === null) this.#kept.clear();
    else this.#kept.delete(hostId);
  }

  async #stored(hostId: number): Promise<Credential | undefined> {
    const now = this.#clock.now();
    const kept = this.#kept.get(hostId);
    if (kept && kept.untilMs > now) return kept.stored;
    const stored = await this.#find(hostId);
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(hostId, { stored, untilMs: now + KEPT_MS });
    return stored;
  }
}

export function isEqual(given: string, stored: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(stored);
  return a.length === b.length && timingSafeEqual(a, b);
}
