/**
 * What the control plane has told of policies: which select this host's endpoints, and who the identities are that these
 * meet. Peers hold on a lease; with nobody to ask, what is known stays.
 */
import { FIRST_IDENTITY } from "@millrace/contract/identity";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import type { PolicyForOutput, PolicyPeersOutput } from "@millrace/contract/policy-protocol";
import type { PolicyState } from "./policy-file.ts";

/** Far more than one host's pods talk to; the least recently asked go first. */
const MOST_PEERS = 16_384;
/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** A number that nobody has is asked about again soon: it may just be new. */
const ABSENT_MS = 5000;

/** null: nobody is known to be it. */
type Peer = { facts: PolicyIdentity | null; renewAtMs: number; untilMs: number };

export class Knowledge {
  /** Rises whenever something that was judged by may be judged otherwise. */
  version = 0;
  /** Rises with everything that is worth remembering. */
  changes = 0;
  policies: readonly Policy[] = [];
  revision = 0;
  #isTold = false;
  #subjects = new Map<number, PolicyIdentity>();
  readonly #peers = new Map<number, Peer>();

  /** Before anybody has told of policies nothing is judged. */
  get isTold(): boolean {
    return this.#isTold;
  }
  get peers(): number {
    return this.#peers.size;
  }
  subject(identity: number): PolicyIdentity | undefined {
    return this.#subjects.get(identity);
  }
  /** Undefined: not known. Reserved identities are nobody's by labels. */
  facts(identity: number): PolicyIdentity | null | undefined {
    if (identity === 0) return undefined;
    if (identity < FIRST_IDENTITY) return null;
    return this.#subjects.get(identity) ?? this.#peers.get(identity)?.facts;
  }

  /** All that was told at once, in one answer or in several. */
  takePolicies(answers: readonly PolicyForOutput[]): void {
    const policies = new Map(answers.flatMap((answer) => answer.policies.map((one) => [one.number, one])));
    const sorted = [...policies.values()].sort((a, b) => a.number - b.number);
    const subjects = new Map(answers.flatMap((answer) => answer.subjects.map((one) => [one.identity, one])));
    this.revision = Math.max(0, ...answers.map(({ revision }) => revision));
    const isSame = this.#isTold && isEqual([this.policies, [...this.#subjects]], [sorted, [...subjects]]);
    this.#isTold = true;
    if (isSame) return;
    this.policies = sorted;
    this.#subjects = subjects;
    this.version++;
    this.changes++;
  }

  takePeers(asked: readonly number[], { peers, leaseSeconds }: PolicyPeersOutput, nowMs: number): void {
    const told = new Map(peers.map((one) => [one.identity, one]));
    for (const identity of asked) {
      const facts = told.get(identity) ?? null;
      const before = this.#peers.get(identity);
      if (before && !isEqual(before.facts, facts)) this.version++;
      if (!before || !isEqual(before.facts, facts)) this.changes++;
      const leaseMs = facts === null ? ABSENT_MS : leaseSeconds * 1000;
      this.#peers.delete(identity); // to the end: the newest
      this.#peers.set(identity, { facts, renewAtMs: nowMs + leaseMs * RENEW_AT, untilMs: nowMs + leaseMs });
    }
    for (const identity of this.#peers.keys()) {
      if (this.#peers.size <= MOST_PEERS) break;
      this.#peers.delete(identity);
    }
  }

  /** Of those in use, whom to ask about again; whoever isn't in use goes when the lease is over. */
  due(inUse: ReadonlySet<number>, nowMs: number): number[] {
    const due: number[] = [];
    for (const [identity, { renewAtMs, untilMs }] of this.#peers) {
      if (inUse.has(identity)) {
        if (nowMs >= renewAtMs) due.push(identity);
      } else if (nowMs >= untilMs) {
        this.#peers.delete(identity);
        this.changes++;
      }
    }
    return due;
  }
  /** Any of them may have changed. */
  doubt(nowMs: number): void {
    for (const peer of this.#peers.values()) peer.renewAtMs = Math.min(peer.renewAtMs, nowMs);
  }

  /** What an earlier life knew: it holds until somebody was asked. */
  restore(state: PolicyState): void {
    const { revision, policies, subjects, peers } = state;
    this.takePolicies([{ revision, policies, subjects }]);
    for (const facts of peers) this.#peers.set(facts.identity, { facts, renewAtMs: 0, untilMs: Infinity });
  }
  state(): PolicyState {
    const peers = [...this.#peers.values()].flatMap(({ facts }) => facts ?? []);
    return {
      revision: this.revision,
      policies: [...this.policies],
      subjects: [...this.#subjects.values()],
      peers,
    };
  }
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
