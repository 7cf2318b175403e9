/*
 * The tables that flows are judged by, filled by hand for tests, one policy set after another. Not the agent's compiler,
 * which decides what should stand there.
 */
import { FlowDirection, Verdict } from "@millrace/abi/generated/flow";
import {
  CIDR_CLASS_KEY_SIZE,
  encodeCidrClassKey,
  encodeJudgementKey,
  encodeRulesetKey,
  encodeRuleVerdict,
  encodeSubjectKey,
  JUDGEMENT_KEY_SIZE,
  PolicyLimit,
  PolicySelection,
  RULE_VERDICT_SIZE,
  RULESET_KEY_SIZE,
  SUBJECT_KEY_SIZE,
} from "@millrace/abi/generated/policy";
import type { TestHost } from "./forwarder.ts";
import { u32, viewOf } from "./observer.ts";
import { addressBytes } from "./packet-builder.ts";

type Way = "egress" | "ingress";
const DIRECTION = { egress: FlowDirection.EGRESS, ingress: FlowDirection.INGRESS } as const;

export interface TestRule {
  proto?: number;
  port?: number;
  /** Of the port, that must agree. */
  bits?: number;
  verdict: "FORWARD" | "DROP" | "WOULD_DROP";
  rule?: number;
  revision?: number;
}

export class TestPolicy {
  readonly #host: TestHost;
  #set = 0;
  #rulesets = 0;

  /** Begins an empty set; `hold` makes it the one that holds. */
  constructor(host: TestHost) {
    this.#host = host;
    this.begin();
  }
  begin(): this {
    this.#set++;
    return this;
  }
  get number(): number {
    return this.#set;
  }
  hold(): void {
    this.#host.policySet = this.#set;
    this.#host.commit();
  }

  subject(endpointId: number, ...ways: Way[]): this {
    const bits = { egress: PolicySelection.EGRESS, ingress: PolicySelection.INGRESS };
    const key = encoded(SUBJECT_KEY_SIZE, (view) => encodeSubjectKey({ set: this.#set, endpointId }, view));
    this.#host.map("subjects").update(key, u32(ways.reduce((sum, way) => sum | bits[way], 0)));
    return this;
  }
  class(prefix: string, bits: number, number: number): this {
    const prefixBits = PolicyLimit.SET_BITS + bits + (prefix.includes(":") ? 0 : 96);
    const address = addressBytes(prefix);
    const key = encoded(CIDR_CLASS_KEY_SIZE, (view) =>
      encodeCidrClassKey({ prefixBits, set: this.#set, address }, view),
    );
    this.#host.map("cidr_classes").update(key, u32(number));
    return this;
  }
  /** No rules: everything is forwarded. */
  judge(
    endpointId: number,
    way: Way,
    peer: { identity: number; cidrClass?: number },
    rules: TestRule[] = [],
  ): this {
    const ruleset = rules.length === 0 ? PolicyLimit.FORWARDS_ALL : ++this.#rulesets;
    const { identity: peerIdentity, cidrClass = 0 } = peer;
    const pair = { set: this.#set, endpointId, peerIdentity, cidrClass, direction: DIRECTION[way] };
    const key = encoded(JUDGEMENT_KEY_SIZE, (view) => encodeJudgementKey(pair, view));
    for (const rule of rules) this.#rule(ruleset, rule);
    this.#host.map("judgements").update(key, u32(ruleset));
    return this;
  }
  /** What flows of the set that holds were judged by until now, gone: who asks again, misses. */
  forget(): void {
    const map = this.#host.map("judgements");
    for (let key = map.nextKey(); key; key = map.nextKey()) map.delete(key);
  }

  #rule(ruleset: number, { proto, port, bits = 16, verdict, rule = 0, revision = 0 }: TestRule): void {
    const portBits = port === undefined ? 0 : bits;
    const prefixBits = proto === undefined ? PolicyLimit.ANY_BITS : PolicyLimit.PROTOCOL_BITS + portBits;
    const value = port ?? 0;
    const key = encoded(RULESET_KEY_SIZE, (view) =>
      encodeRulesetKey(
        { prefixBits, ruleset, proto: proto ?? 0, port: Uint8Array.of(value >> 8, value & 255) },
        view,
      ),
    );
    const answer = { verdict: Verdict[verdict], rule, revision };
    this.#host.map("rulesets").update(
      key,
      encoded(RULE_VERDICT_SIZE, (view) => encodeRuleVerdict(answer, view)),
    );
  }
}

function encoded(size: number, encode: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  encode(viewOf(bytes));
  return bytes;
}
