/** Policies in plain words: whom they are about, what each rule says, what isolation means. What they mean is packages/policy's. */
import type {
  Policy,
  PolicyDirection,
  PolicyRule,
  Requirement,
  RulePeer,
  RulePort,
  Selector,
} from "@millrace/contract/policy";
import { count, text } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";

/** The label that every namespace has, with its name. */
const NAMESPACE_NAME = "kubernetes.io/metadata.name";

export function subjectText({ namespace, subject: { pods, namespaces } }: Policy): string {
  return `${podsText(pods)} ${namespacesText(namespaces, namespace)}`;
}

/** Of the hosts that it concerns, where its newest revision is in force. */
export function arrivalText({ selected, inForce }: { selected: number; inForce: number }): string {
  const hosts = `${text(count(selected))} ${selected === 1 ? "host" : "hosts"}`;
  return inForce === selected ? `in force on ${hosts}` : `in force on ${text(count(inForce))} of ${hosts}`;
}

const podsText = (pods: Selector): string =>
  pods.length === 0 ? "all pods" : `pods with ${pods.map(requirementText).join(" and ")}`;

/** null: the policy's own. */
function namespacesText(namespaces: Selector | null, own: string): string {
  if (namespaces === null) return `of ${own}`;
  if (namespaces.length === 0) return "of all namespaces";
  const [only] = namespaces;
  if (only && namespaces.length === 1 && only.key === NAMESPACE_NAME && only.operator === "In")
    return `of ${either(only.values)}`;
  return `of namespaces with ${namespaces.map(requirementText).join(" and ")}`;
}

const either = (values: readonly string[]): string =>
  values.length < 2
    ? (values[0] ?? "nothing")
    : `${values.slice(0, -1).join(", ")} or ${values[values.length - 1]}`;

function requirementText({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "In":
      return `${key}=${either(values)}`;
    case "NotIn":
      return `${key} other than ${either(values)}`;
    case "Exists":
      return `a label ${key}`;
    case "DoesNotExist":
      return `no label ${key}`;
  }
}

const HEAD: Record<PolicyDirection, Record<PolicyRule["action"], string>> = {
  ingress: { allow: "May be reached by", deny: "May not be reached by" },
  egress: { allow: "May reach", deny: "May not reach" },
};

export type RuleWords = { head: string; peers: string[]; ports: string[] };
/** `peers` and `ports`: each one of which is enough. */
export const ruleWords = ({ direction, action, peers, ports }: PolicyRule, namespace: string): RuleWords => ({
  head: HEAD[direction][action],
  peers: peersText(peers, namespace),
  ports: ports === null ? ["any protocol and port"] : ports.map(portText),
});

function peersText(peers: readonly RulePeer[] | null, namespace: string): string[] {
  if (peers === null) return ["everybody, inside and outside"];
  if (peers.length === 0) return ["nobody"];
  return peers.map((peer) => {
    if (peer.kind === "pods") return `${podsText(peer.pods)} ${namespacesText(peer.namespaces, namespace)}`;
    return peer.except.length > 0 ? `${peer.cidr} except ${peer.except.join(", ")}` : peer.cidr;
  });
}

function portText({ protocol, port }: RulePort): string {
  const name = protocol === null ? "any protocol" : protocolName(protocol);
  if (port === null) return name;
  if ("name" in port) return `${name} port called ${port.name}`;
  return port.from === port.to ? `${name} ${port.from}` : `${name} ${port.from}–${port.to}`;
}

/** What becomes of what no rule mentions. */
export function isolationText({ isolates, tier, mode }: Pick<Policy, "isolates" | "tier" | "mode">): string {
  if (isolates.length === 0)
    return `What no rule mentions is left to ${tier === "platform" ? "the tenants' policies" : "other policies; without one it is forwarded"}.`;
  const what = ["ingress", "egress"]
    .filter((direction) => isolates.includes(direction as PolicyDirection))
    .map((direction) => (direction === "ingress" ? "be reached by nobody else" : "reach nobody else"))
    .join(" and ");
  const others = `unless another ${tier} policy allows it`;
  return mode === "enforce"
    ? `They may ${what}, ${others}.`
    : `Enforced, they could ${what}, ${others}. Now it is only written on flows.`;
}

/** `shop/web`, as people say it. */
export const policyName = ({ namespace, name }: { namespace: string; name: string }): string =>
  `${namespace}/${name}`;
