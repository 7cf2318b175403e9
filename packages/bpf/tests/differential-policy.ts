/*
 * The policies of a random world as the agent compiles them, for all pairs whose ends are known.
 */
import { PolicyLimit } from "@millrace/abi/generated/policy";
import { PolicySet, type RulesetEntry } from "@millrace/policy/compile";
import type { World } from "./model/world.ts";
import type { TestRule } from "./policy-tables.ts";
import { SERVICE_PEERS } from "./random-services.ts";
import { PEERS, ROUTER } from "./random-world.ts";

/** Every address that a packet may bear: damage may put any of them with any identity. */
const ADDRESSES = [...PEERS, ...SERVICE_PEERS, ROUTER].flatMap((peer) => [peer[4], peer[6]]);

export interface Compiled {
  classes: readonly { prefix: string; bits: number; number: number }[];
  subjects: readonly { endpointId: number; ways: readonly ("egress" | "ingress")[] }[];
  pairs: readonly { endpointId: number; way: "egress" | "ingress"; peer: Peering; rules: TestRule[] }[];
}
type Peering = { identity: number; cidrClass: number };

export function compiled({ policy }: World): Compiled | null {
  if (!policy) return null;
  const set = new PolicySet(policy.policies);
  const cidrClasses = [...new Set(ADDRESSES.map((address) => set.classOf(address)))];
  const classes = [...set.cidrClasses()].map(([text, number]) => {
    const [prefix = "", bits] = text.split("/");
    return { prefix, bits: Number(bits), number };
  });
  // To the kernel IPv4 is a part of ::/0; to people it isn't.
  if (!set.cidrClasses().has("0.0.0.0/0")) classes.push({ prefix: "0.0.0.0", bits: 0, number: 0 });
  const subjects = [...policy.subjects].map(([endpointId, facts]) => {
    const selects = set.selects(facts);
    return { endpointId, facts, ways: (["egress", "ingress"] as const).filter((way) => selects[way]) };
  });
  const peers = [...policy.identities].flatMap(([number, identity]) =>
    cidrClasses.map((cidrClass) => ({ number, identity, cidrClass })),
  );
  const pairs = subjects.flatMap(({ endpointId, facts, ways }) =>
    ways.flatMap((way) =>
      peers.map(({ number, identity, cidrClass }) => {
        const sight = { identity, isHost: number === PolicyLimit.HOST_IDENTITY, cidrClass };
        const rules = set.ruleset(facts, way, sight).map(ruleOf);
        return { endpointId, way, peer: { identity: number, cidrClass }, rules };
      }),
    ),
  );
  return { classes, subjects, pairs };
}

function ruleOf({ protocol, port, judgement }: RulesetEntry): TestRule {
  const { rule, revision, verdict, wouldDrop } = judgement;
  const passes = wouldDrop ? "WOULD_DROP" : "FORWARD";
  return {
    ...(protocol === null ? {} : { proto: protocol }),
    ...(port === null ? {} : { port: port.value, bits: port.bits }),
    ...{ verdict: verdict === "drop" ? "DROP" : passes, rule, revision },
  };
}
