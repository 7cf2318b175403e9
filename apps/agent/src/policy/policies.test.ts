import { FlowOpener, PathReason, Verdict } from "@millrace/abi/generated/flow";
import type { Policy, PolicyIdentity } from "@millrace/contract/policy";
import type { PolicyForInput, PolicyPeersInput } from "@millrace/contract/policy-protocol";
import { beforeEach, describe, expect, test } from "vitest";
import { FakeDataplane } from "../dataplane/fake-dataplane.ts";
import { emptyRecord, keyBytes, text } from "../dataplane/fake-kernel.ts";
import { addressBytes } from "../endpoint/address.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Policies, type PoliciesOptions, type PolicyEndpoint } from "./policies.ts";
import { PolicyFile } from "./policy-file.ts";

const facts = (identity: number, app: string): PolicyIdentity => ({
  ...{ identity, namespace: "shop", labels: { app }, namespaceLabels: {}, ports: {} },
});
const app = (value: string) => [{ key: "app", operator: "In" as const, values: [value] }];
/** Only `from` reaches cart. */
const admits = (from: string, revision: number): Policy => ({
  ...{ number: 1, revision, namespace: "shop", name: "cart", tier: "tenant", mode: "enforce" },
  ...{ subject: { pods: app("cart"), namespaces: null }, isolates: ["ingress"] },
  rules: [
    {
      ...{ place: 1, direction: "ingress", action: "allow", ports: null },
      peers: [{ kind: "pods", pods: app(from), namespaces: null }],
    },
  ],
});
const CART = 300;
const WEB = 301;
const CART_AT = "10.201.0.5";
const WEB_AT = "10.201.9.9";

/** A control plane, a kernel and a host with one pod, cart; web is elsewhere. */
class Stage {
  readonly dataplane = new FakeDataplane();
  readonly directory = temporaryDirectory("policies");
  policies: Policy[] = [];
  people = new Map([facts(CART, "cart"), facts(WEB, "web")].map((one) => [one.identity, one]));
  endpoints: PolicyEndpoint[] = [{ endpointId: 7, identity: CART }];
  connected = true;
  routed = true;
  elsewhere: { address: string; identity: number }[] = [];
  nowMs = 1_000_000;
  known = 0;
  onKnown: () => void = () => {};
  /** Whether the control plane says who peers are, or leaves it unsaid. */
  answers = true;
  readonly asked: string[] = [];
  readonly said: string[] = [];

  get kernel() {
    return this.dataplane.forwarding;
  }
  agent(): Policies {
    const client: PoliciesOptions["client"] = {
      policyFor: async ({ identities }: PolicyForInput) => {
        this.asked.push(`for ${identities}`);
        const subjects = identities.flatMap((one) => this.people.get(one) ?? []);
        const revision = Math.max(0, ...this.policies.map((one) => one.revision));
        return { ok: true, value: { revision, policies: this.policies, subjects } };
      },
      policyPeers: async ({ identities }: PolicyPeersInput) => {
        this.asked.push(`peers ${identities}`);
        if (!this.answers) await new Promise(() => {});
        const peers = identities.flatMap((one) => this.people.get(one) ?? []);
        return { ok: true, value: { peers, leaseSeconds: 600 } };
      },
    };
    const identities = new Map([
      [CART_AT, CART],
      [WEB_AT, WEB],
      ["10.200.0.1", 1],
    ]);
    return new Policies({
      ...{ forwarding: this.kernel, client, file: new PolicyFile(this.directory) },
      readFlows: () => this.dataplane.readFlows(),
      endpoints: () => this.endpoints,
      endpointAt: (address) => (address === CART_AT ? 7 : undefined),
      identityOf: (address) =>
        address === WEB_AT && !this.routed ? undefined : (identities.get(address) ?? 2),
      neighbours: () => [{ address: "10.200.0.1", identity: 1 }, ...this.elsewhere],
      isConnected: () => this.connected,
      nowMs: () => this.nowMs,
      onKnown: () => {
        this.known++;
        this.onKnown();
      },
      log: (line, error) => this.said.push(error ? `${line}: ${error}` : line),
    });
  }
  /** A flow of cart's that `opener` opened, with what was last judged of it. */
  flow(peer: string, peerIdentity: number, verdict: Verdict, sport = 80): void {
    const key = {
      ...{ saddr: addressBytes(CART_AT) as Uint8Array, daddr: addressBytes(peer) as Uint8Array },
      ...{ sport, dport: 5000, proto: 6, family: 4, vlan: 0, endpointId: 7 },
    };
    const record = { ...emptyRecord(), opener: FlowOpener.REMOTE };
    record.path = { ...record.path, generation: 5, verdict, peerIdentity };
    if (verdict === Verdict.DROP) record.path.reason = PathReason.POLICY;
    this.dataplane.kernel.flows.set(text(keyBytes(key)), { key, record });
  }
  judgement(peerIdentity: number) {
    return this.kernel.judgedBy?.judgements.find(
      (one) => one.peerIdentity === peerIdentity && one.endpointId === 7,
    );
  }
  verdict(peerIdentity: number): string | undefined {
    const found = this.judgement(peerIdentity);
    if (!found) return undefined;
    const entries =
      this.kernel.judgedBy?.rulesets.find(({ number }) => number === found.ruleset)?.entries ?? [];
    return entries.every(({ verdict }) => verdict === Verdict.FORWARD) ? "forwarded" : "dropped";
  }
}

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});

describe("before anybody has told of policies", () => {
  test("nothing is judged, and nothing waits", () => {
    stage.connected = false;
    const agent = stage.agent();
    agent.open();
    expect(stage.kernel.judgedBy).toBeUndefined();
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(true);
  });
});

describe("with policies", () => {
  test("the kernel judges its endpoints by them, and those are judged beforehand whom everybody knows", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    expect(stage.asked).toEqual(["for 300"]);
    expect(stage.kernel.judgedBy?.subjects).toEqual([{ endpointId: 7, egress: false, ingress: true }]);
    expect([stage.verdict(1), stage.verdict(2), stage.verdict(WEB)]).toEqual([
      "forwarded",
      "dropped",
      undefined,
    ]);
    expect(agent.counts).toMatchObject({ policies: 1, revision: 3, sets: 1 });
  });

  test("with more neighbours than there is room for, the world and the host are judged beforehand all the same", async () => {
    stage.policies = [admits("web", 3)];
    stage.elsewhere = Array.from({ length: 20_000 }, (_, n) => ({
      ...{ address: `10.100.${n >> 8}.${n & 255}`, identity: 1000 + (n >> 1) },
    }));
    for (const { identity } of stage.elsewhere) stage.people.set(identity, facts(identity, "web"));
    const agent = stage.agent();
    agent.open();
    await agent.step();
    expect([stage.verdict(1), stage.verdict(2)]).toEqual(["forwarded", "dropped"]);
  });

  test("a pair that is missing is computed when a packet needs it, once its peer is known", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    stage.routed = false;
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(false); // nobody knows yet whose the address is
    expect(stage.asked).toEqual(["for 300"]);
    stage.routed = true;
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(false);
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(false);
    await new Promise(setImmediate);
    expect(stage.asked).toEqual(["for 300", "peers 301"]);
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(true);
    expect(stage.verdict(WEB)).toBe("forwarded");
    expect(stage.kernel.policySets).toBe(1);
    expect(agent.counts.misses).toBe(1);
    expect(stage.known).toBeGreaterThan(1);
  });

  test("an endpoint whose policies nobody has told yet is not judged: its packets wait", async () => {
    stage.endpoints = [{ endpointId: 7, identity: 0 }];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    expect(stage.kernel.judgedBy?.subjects).toEqual([]);
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(false);
    stage.endpoints = [{ endpointId: 7, identity: CART }];
    stage.nowMs += 1000;
    await agent.step();
    expect(stage.kernel.judgedBy?.subjects).toEqual([{ endpointId: 7, egress: false, ingress: false }]);
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(true);
  });

  test("a hint has all asked again; the same answer changes nothing in the kernel", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    await agent.step();
    expect(stage.asked).toEqual(["for 300"]);
    agent.hint();
    await agent.step();
    expect(stage.asked).toEqual(["for 300", "for 300"]);
    expect(stage.kernel.policySets).toBe(1);
  });

  test("a change is told by the flows that are judged otherwise from now on", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    stage.flow(WEB_AT, WEB, Verdict.FORWARD);
    stage.flow(WEB_AT, WEB, Verdict.DROP, 81);
    stage.flow("192.0.2.1", 2, Verdict.DROP);
    await agent.step(); // asks for web, whom nobody knew
    agent.isReady(WEB_AT, CART_AT);
    await new Promise(setImmediate);
    stage.policies = [admits("till", 4)];
    agent.hint();
    await agent.step();
    expect(stage.verdict(WEB)).toBe("dropped");
    expect(agent.counts).toMatchObject({ sets: 2, flowsCut: 1, flowsPassAgain: 0, revision: 4 });
    expect(stage.said.at(-1)).toBe(
      "1 policies hold, of revision 4: of 3 flows 1 are dropped now, 0 pass again, 0 differ in what would be dropped",
    );
    stage.policies = [{ ...admits("till", 5), mode: "observe" }];
    agent.hint();
    await agent.step();
    expect(agent.counts).toMatchObject({ flowsCut: 1, flowsPassAgain: 2, flowsObserved: 1 });
  });

  test("who is asked about already isn't asked about again, and nobody is told before the answer", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    // As the network does: whoever waits is looked at again when something is known.
    stage.onKnown = () => void (stage.known < 50 && agent.isReady(WEB_AT, CART_AT));
    const [asked, known] = [stage.asked.length, stage.known];
    stage.answers = false;
    for (let n = 0; n < 3; n++) expect(agent.isReady(WEB_AT, CART_AT)).toBe(false);
    await new Promise(setImmediate);
    expect(stage.asked.slice(asked)).toEqual(["peers 301"]);
    expect(stage.known).toBe(known);
  });

  test("a peer whose labels changed is judged by the new ones", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    agent.isReady(WEB_AT, CART_AT);
    await new Promise(setImmediate);
    agent.isReady(WEB_AT, CART_AT);
    stage.flow(WEB_AT, WEB, Verdict.FORWARD);
    stage.people.set(WEB, facts(WEB, "till"));
    agent.hint();
    await agent.step();
    expect(stage.verdict(WEB)).toBe("dropped");
    expect(agent.counts.flowsCut).toBe(1);
  });
});

describe("an agent that begins anew", () => {
  const firstLife = async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    agent.isReady(WEB_AT, CART_AT);
    await new Promise(setImmediate);
    agent.isReady(WEB_AT, CART_AT);
    await agent.step();
  };

  test("without a control plane enforces what was known, and leaves the kernel's tables as they are", async () => {
    await firstLife();
    const before = stage.kernel.judgedBy;
    stage.connected = false;
    const agent = stage.agent();
    agent.open();
    await agent.step();
    expect(stage.kernel.policySets).toBe(1);
    expect(stage.kernel.judgedBy).toBe(before);
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(true);
    expect(agent.isReady("203.0.113.7", CART_AT)).toBe(true);
    expect(agent.counts).toMatchObject({ policies: 1, judgements: before?.judgements.length });
  });
  test("without a control plane, over a kernel that lost all, makes the same again", async () => {
    await firstLife();
    stage.connected = false;
    stage.kernel.judgedBy = undefined;
    stage.flow(WEB_AT, WEB, Verdict.FORWARD);
    const agent = stage.agent();
    agent.open();
    expect([stage.verdict(1), stage.verdict(2), stage.verdict(WEB)]).toEqual([
      "forwarded",
      "dropped",
      "forwarded",
    ]);
  });
  test("with other policies replaces them whole", async () => {
    await firstLife();
    stage.policies = [admits("till", 4)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    expect(stage.kernel.policySets).toBe(2);
    agent.isReady(WEB_AT, CART_AT);
    expect(stage.verdict(WEB)).toBe("dropped");
  });
});

describe("with the control plane away", () => {
  test("who isn't known can't be judged, and what is known goes on", async () => {
    stage.policies = [admits("web", 3)];
    const agent = stage.agent();
    agent.open();
    await agent.step();
    stage.connected = false;
    stage.people.delete(WEB);
    stage.routed = false;
    await agent.step();
    expect(agent.isReady(WEB_AT, CART_AT)).toBe(false);
    expect(agent.isReady("192.0.2.1", CART_AT)).toBe(true);
  });
  test("a new pod waits where there are policies, and is free where there are none", async () => {
    for (const [policies, subjects] of [
      [[admits("web", 3)], 1],
      [[], 2],
    ] as const) {
      stage = new Stage();
      stage.policies = [...policies];
      const agent = stage.agent();
      agent.open();
      await agent.step();
      stage.connected = false;
      stage.endpoints = [...stage.endpoints, { endpointId: 8, identity: 0 }];
      await agent.step();
      expect(stage.kernel.judgedBy?.subjects).toHaveLength(subjects);
    }
  });
});

test("what the kernel refuses is said once, and what held goes on", async () => {
  stage.policies = [admits("web", 3)];
  const agent = stage.agent();
  agent.open();
  await agent.step();
  const cidrs = Array.from({ length: 5000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const peers = cidrs.map((cidr) => ({ kind: "cidr" as const, cidr, except: [] }));
  const { rules } = admits("web", 4);
  stage.policies = [
    { ...admits("web", 4), rules: [{ ...(rules[0] as (typeof rules)[0]), peers: peers.slice(0, 5000) }] },
  ];
  for (let n = 0; n < 2; n++) {
    agent.hint();
    await agent.step();
  }
  expect(stage.kernel.policySets).toBe(1);
  expect(stage.said.filter((line) => line.includes("5000 prefixes"))).toHaveLength(1);
  expect(agent.counts.revision).toBe(3); // in force, whatever was told
});
