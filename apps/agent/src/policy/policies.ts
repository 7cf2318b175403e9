/**
 * Policies on this host: asks which select its endpoints and who the others are that they meet, compiles that into the
 * kernel's tables, and says what a change did to the flows there are. With nobody to ask it goes on by what it knows; what
 * it doesn't know it never guesses.
 */
import { FIRST_IDENTITY, RESERVED_IDENTITIES } from "@millrace/contract/identity";
import { POLICY_ASK_LIMITS } from "@millrace/contract/policy-protocol";
import { PolicySet } from "@millrace/policy/compile";
import type { ControlPlane, FailureKind } from "../connection/client.ts";
import type { Forwarding, Pair, PolicyTables, TableBytes } from "../dataplane/dataplane.ts";
import { Paced } from "../paced.ts";
import { changesOn, type FlowSight, flowSights, pairsOf } from "./flow-sight.ts";
import { Knowledge } from "./knowledge.ts";
import { PairJudge, RulesetNumbers, type Subject } from "./pair-judge.ts";
import { isRight, Judgements, policyTables } from "./plan.ts";
import type { PolicyFile } from "./policy-file.ts";

/** Also without a hint, which may have been lost. */
const ASK_AGAIN_MS = 60_000;
const RETRY_MS = 1000;
/** Failures after which it is soon tried again. */
const PASSING: ReadonlySet<FailureKind> = new Set(["unreachable", "busy", "unauthorized"]);
/** Pairs that are judged before they meet; the rest of the room is for those that do. */
const MOST_LIKELY = 8192;

export type PolicyEndpoint = { endpointId: number; identity: number };
/** One whom endpoints of this host may meet, as far as that is known beforehand. */
export type Neighbour = { address: string; identity: number };

export type PoliciesOptions = {
  forwarding: Pick<Forwarding, "policy" | "setPolicy" | "addPolicy">;
  client: Pick<ControlPlane, "policyFor" | "policyPeers">;
  file: PolicyFile;
  readFlows: () => TableBytes;
  endpoints: () => readonly PolicyEndpoint[];
  endpointAt: (address: string) => number | undefined;
  identityOf: (address: string) => number | undefined;
  neighbours: () => Iterable<Neighbour>;
  isConnected: () => boolean;
  nowMs: () => number;
  /** Something is known that packets may have waited for. */
  onKnown: () => void;
  log: (line: string, error?: string) => void;
};

export class Policies {
  readonly #o: PoliciesOptions;
  readonly #knowledge = new Knowledge();
  /** What the kernel judges by, compiled. */
  #set = new PolicySet([]);
  #numbers = new RulesetNumbers();
  #judge: PairJudge | undefined;
  #judgements = new Judgements();
  #tables: PolicyTables | undefined;
  #applied = "";
  /** Of the newest change of documents that the kernel's tables know. */
  #revision = 0;
  readonly #paced = new Paced();
  #askAtMs = 0;
  #retryAtMs = 0;
  #askPeersAtMs = 0;
  readonly #problems = new Map<string, string>();
  #askedFor: ReadonlySet<number> = new Set();
  readonly #asking = new Set<number>();
  readonly #counts = { sets: 0, misses: 0, full: 0, flowsCut: 0, flowsPassAgain: 0, flowsObserved: 0 };

  constructor(options: PoliciesOptions) {
    this.#o = options;
  }
  get counts(): Record<string, number> {
    const { policies, peers } = this.#knowledge;
    const revision = this.#revision;
    const { size: judgements, entries } = this.#judgements;
    const classes = this.#tables?.classes.length ?? 0;
    return { ...this.#counts, policies: policies.length, revision, peers, judgements, entries, classes };
  }

  /** Takes up what the kernel judges by, and what was known. */
  open(): void {
    const state = this.#o.file.read();
    if (state) this.#knowledge.restore(state);
    this.#paced.stands(this.#knowledge.changes);
    const tables = this.#o.forwarding.policy();
    this.#numbers = new RulesetNumbers(tables?.rulesets);
    this.#take(tables);
    this.apply();
  }
  /** The control plane says that something changed. */
  hint(): void {
    this.#askAtMs = 0;
    this.#knowledge.doubt(this.#o.nowMs());
  }

  /** One look at everything. */
  async step(): Promise<void> {
    if (this.#o.isConnected()) {
      if (this.#isPolicyDue()) await this.#askPolicies();
      const due = this.#duePeers();
      if (due.length > 0) await this.#askPeers(due);
    }
    this.apply();
    this.#remember(true);
    this.#o.onKnown();
  }

  /**
   * Whether a packet that came up can be judged when it goes back: both ends that are here. What is missing is asked for,
   * and onKnown called when it is there.
   */
  isReady(source: string, destination: string): boolean {
    if (!this.#tables) return true; // nothing is judged
    const ways = [
      [source, destination],
      [destination, source],
    ] as const;
    return ways.map(([here, peer]) => this.#isReadyFrom(here, peer)).every(Boolean);
  }

  /** The kernel's tables from what is known now; nothing when they say so already. */
  apply(): void {
    if (!this.#knowledge.isTold) return;
    const subjects = this.#subjects();
    const who = subjects.map(({ endpointId, facts }) => [endpointId, facts?.identity ?? 0]);
    const text = JSON.stringify([this.#knowledge.version, who]);
    try {
      if (text !== this.#applied) this.#replace(subjects);
      this.#applied = text;
      this.#revision = this.#knowledge.revision;
      this.#problem("policies can't be enforced as they are now", undefined);
    } catch (error) {
      this.#problem("policies can't be enforced as they are now", (error as Error).message);
    }
  }

  #replace(subjects: readonly Subject[]): void {
    const set = new PolicySet(this.#knowledge.policies);
    const judge = new PairJudge(set, subjects, (identity) => this.#knowledge.facts(identity), this.#numbers);
    const holds = this.#tables && isRight({ ...this.#tables, ...this.#judgements.tables }, set, judge);
    if (!holds) {
      const classOf = (address: string) => classIn(set, address);
      const flows = [...flowSights(this.#o.readFlows(), classOf, this.#o.identityOf)];
      const tables = policyTables(set, judge, this.#pairs(set, judge, flows));
      this.#o.forwarding.setPolicy(tables);
      this.#take(tables);
      this.#tell(flows, judge);
    }
    this.#set = set;
    this.#judge = judge;
  }
  #take(tables: PolicyTables | undefined): void {
    this.#tables = tables;
    this.#judgements = new Judgements(tables);
    this.#numbers.keep(new Set(tables?.rulesets.map(({ number }) => number)));
  }
  #tell(flows: readonly FlowSight[], judge: PairJudge): void {
    const { cut, passAgain, observed } = changesOn(flows, judge);
    this.#counts.sets++;
    this.#counts.flowsCut += cut;
    this.#counts.flowsPassAgain += passAgain;
    this.#counts.flowsObserved += observed;
    const { policies, revision } = this.#knowledge;
    this.#o.log(
      `${policies.length} policies hold, of revision ${revision}: of ${flows.length} flows ${cut} are dropped now, ` +
        `${passAgain} pass again, ${observed} differ in what would be dropped`,
    );
  }

  /** Those whose policies are known. With no policy at all nobody need be asked about new ones. */
  #subjects(): Subject[] {
    const isFree = this.#knowledge.policies.length === 0 && !this.#o.isConnected();
    return this.#o.endpoints().flatMap(({ endpointId, identity }) => {
      const facts = identity === 0 ? undefined : this.#knowledge.subject(identity);
      return facts || isFree ? [{ endpointId, facts: facts ?? null }] : [];
    });
  }

  /**
   * Of flows there are first; then those that are likely, so that they need no agent when they come: the world, the host and
   * pods here before those elsewhere, each for all endpoints and once, whatever addresses it has.
   */
  *#pairs(set: PolicySet, judge: PairJudge, flows: readonly FlowSight[]): Generator<Pair> {
    for (const flow of flows) yield* pairsOf(flow);
    const world = RESERVED_IDENTITIES.world;
    const likely = new Map<string, { peerIdentity: number; cidrClass: number }>();
    const add = (peerIdentity: number, cidrClass: number) =>
      likely.set(`${peerIdentity} ${cidrClass}`, { peerIdentity, cidrClass });
    for (const cidrClass of [0, ...set.cidrClasses().values()]) add(world, cidrClass);
    for (const { address, identity } of this.#o.neighbours()) add(identity, classIn(set, address));
    const ways = [...judge.subjects.keys()].flatMap((endpointId) =>
      judge.directionsOf(endpointId).map((direction) => ({ endpointId, direction })),
    );
    let left = MOST_LIKELY;
    for (const peer of likely.values()) for (const way of ways) if (left-- > 0) yield { ...way, ...peer };
  }

  #isReadyFrom(here: string, peer: string): boolean {
    const endpointId = this.#o.endpointAt(here);
    if (endpointId === undefined) return true;
    if (!this.#judge?.subjects.has(endpointId)) return false; // its policies are asked for by `step`
    const directions = this.#judge.directionsOf(endpointId);
    if (directions.length === 0) return true;
    const peerIdentity = this.#o.identityOf(peer);
    if (peerIdentity === undefined) return false;
    if (this.#knowledge.facts(peerIdentity) === undefined) {
      void this.#askPeers([peerIdentity]).then((isAnswered) => isAnswered && this.#o.onKnown());
      return false;
    }
    const cidrClass = classIn(this.#set, peer);
    for (const direction of directions) this.#add({ endpointId, peerIdentity, cidrClass, direction });
    return true;
  }
  #add(pair: Pair): void {
    const ruleset = this.#judge?.rulesetOf(pair);
    if (!ruleset || this.#judgements.has(pair)) return;
    this.#counts.misses++;
    const isKnown = ruleset.number === 0 || this.#judgements.hasRuleset(ruleset.number);
    if (!this.#judgements.add(pair, ruleset)) {
      this.#counts.full++;
      this.#applied = ""; // begins anew with what is in use
      return;
    }
    const judgements = [{ ...pair, ruleset: ruleset.number }];
    this.#o.forwarding.addPolicy({ judgements, rulesets: isKnown ? [] : [ruleset] });
  }

  #isPolicyDue(): boolean {
    const now = this.#o.nowMs();
    if (now >= this.#askAtMs) return true;
    const missing = this.#ownIdentities().filter((identity) => !this.#knowledge.subject(identity));
    return missing.some((identity) => now >= this.#retryAtMs || !this.#askedFor.has(identity));
  }
  #ownIdentities(): number[] {
    const own = this.#o.endpoints().map(({ identity }) => identity);
    return [...new Set(own)].filter((identity) => identity >= FIRST_IDENTITY).sort((a, b) => a - b);
  }
  async #askPolicies(): Promise<void> {
    const own = this.#ownIdentities();
    this.#askedFor = new Set(own);
    this.#retryAtMs = this.#o.nowMs() + RETRY_MS;
    this.#askAtMs = this.#o.nowMs() + ASK_AGAIN_MS;
    const answers = [];
    for (let at = 0; at === 0 || at < own.length; at += POLICY_ASK_LIMITS.identities) {
      const identities = own.slice(at, at + POLICY_ASK_LIMITS.identities);
      const answer = await this.#o.client.policyFor({ identities });
      this.#problem("policies can't be asked for", answer.ok ? undefined : answer.reason);
      if (!answer.ok) {
        if (PASSING.has(answer.kind)) this.#askAtMs = this.#retryAtMs;
        else this.#retryAtMs = this.#askAtMs;
        return;
      }
      answers.push(answer.value);
    }
    this.#knowledge.takePolicies(answers);
  }

  /** Of those in use whose lease is running out, and of neighbours who aren't known. */
  #duePeers(): number[] {
    const used = this.#judgements.peers();
    const due = new Set(this.#knowledge.due(used, this.#o.nowMs()));
    const isJudged = [...(this.#judge?.subjects.values() ?? [])].some(
      ({ egress, ingress }) => egress || ingress,
    );
    if (isJudged)
      for (const { identity } of this.#o.neighbours())
        if (identity !== 0 && this.#knowledge.facts(identity) === undefined) due.add(identity);
    return [...due].slice(0, POLICY_ASK_LIMITS.identities);
  }
  /** Whether there was an answer. Whoever is asked about already is left to who asked first. */
  async #askPeers(wanted: readonly number[]): Promise<boolean> {
    const identities = wanted.filter((identity) => !this.#asking.has(identity));
    if (identities.length === 0 || this.#o.nowMs() < this.#askPeersAtMs) return false;
    for (const identity of identities) this.#asking.add(identity);
    const answer = await this.#o.client.policyPeers({ identities });
    for (const identity of identities) this.#asking.delete(identity);
    this.#problem("peers can't be asked for", answer.ok ? undefined : answer.reason);
    if (answer.ok) this.#knowledge.takePeers(identities, answer.value, this.#o.nowMs());
    else this.#askPeersAtMs = this.#o.nowMs() + RETRY_MS;
    this.#remember(false); // before packets are judged by it
    this.apply();
    return answer.ok;
  }

  #remember(isStep: boolean): void {
    if (!this.#knowledge.isTold) return;
    const write = () => this.#o.file.write(this.#knowledge.state());
    const problem = this.#paced.keep(this.#knowledge.changes, this.#o.nowMs(), isStep, write);
    if (isStep || problem) this.#problem("policies can't be kept on disk", problem);
  }
  /** Said once for as long as it stays the same. */
  #problem(what: string, why: string | undefined): void {
    if (why !== undefined && this.#problems.get(what) !== why) this.#o.log(what, why);
    if (why === undefined) this.#problems.delete(what);
    else this.#problems.set(what, why);
  }
}

const classIn = (set: PolicySet, address: string): number =>
  set.cidrClasses().size === 0 ? 0 : set.classOf(address);
