/**
 * The table of faults: what each breaks, where, how it is taken back, and what an observer should see.
 * Data only; fault-switch.ts carries it out.
 */
import type { ShopSettings } from "./settings.ts";
import type { Step } from "./step.ts";
import { type Command, LabError } from "./subprocess.ts";
import { netnsPath, type PodPlan } from "./topology.ts";

export const FAULT_NAMES = [
  "refused-port",
  "firewall-drop",
  "full-queue",
  "slow-service",
  "crash-loop",
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

export type FaultAction =
  | { kind: "settings"; on: Partial<ShopSettings>; off: Partial<ShopSettings> }
  | { kind: "step"; step: Step }
  | { kind: "crash"; pod: string; container: string; everyMs: number };

export type Fault = {
  title: string;
  /** The pod whose traffic shows it. */
  where: string;
  /** `reason` is the kernel's name of a drop (enum skb_drop_reason), where the fault makes drops. */
  expects: { reason?: string; symptom: string };
  action: (pod: (name: string) => PodPlan) => FaultAction;
};

const FIREWALL_TABLE = "lab_fault";

/** What nsenter, nft and tc say when the namespace is gone, and the fault with it. */
const NETNS_GONE = "No such file or directory";

const nft = (netns: string, stdin: string): Command => ({
  argv: ["nsenter", `--net=${netnsPath(netns)}`, "nft", "-f", "-"],
  stdin,
});
/** nft deletes only what exists; "add, then delete" in one transaction does either way. */
const DROP_TABLE = `add table inet ${FIREWALL_TABLE}\ndelete table inet ${FIREWALL_TABLE}\n`;

/** In the receiver's own namespace: whoever carries packets to it, every packet meets this hook. */
function firewallDrop(from: PodPlan, to: PodPlan): Step {
  const rules = `${DROP_TABLE}table inet ${FIREWALL_TABLE} {
  chain input {
    type filter hook input priority 0; policy accept;
    ip saddr ${from.ip4} counter drop
    ip6 saddr ${from.ip6} counter drop
  }
}
`;
  return {
    title: `firewall drop ${from.name} → ${to.name}`,
    do: [nft(to.netns, rules)],
    undo: [{ ...nft(to.netns, DROP_TABLE), absentTexts: [NETNS_GONE] }],
  };
}

/** A page of the shop is many times the queue's limit, so that each one overflows it. */
function fullQueue(pod: PodPlan): Step {
  return {
    title: `full queue at ${pod.name}`,
    do: [
      {
        argv: ["tc", "-n", pod.netns, "qdisc", "replace", "dev", "eth0", "root"].concat([
          ...["tbf", "rate", "2mbit", "burst", "3000", "limit", "6000"],
        ]),
      },
    ],
    undo: [
      {
        argv: ["tc", "-n", pod.netns, "qdisc", "del", "dev", "eth0", "root"],
        // The other text: there is no queue of ours, only the default one.
        absentTexts: [NETNS_GONE, "Cannot delete qdisc with handle of zero"],
      },
    ],
  };
}

export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  "refused-port": {
    title: "payments closes its port: connections are refused",
    where: "payments",
    expects: { reason: "NO_SOCKET", symptom: "resets from payments:8082" },
    action: () => ({ kind: "settings", on: { paymentsOpen: false }, off: { paymentsOpen: true } }),
  },
  "firewall-drop": {
    title: "payments' own firewall drops what checkout sends",
    where: "payments",
    expects: { reason: "NETFILTER_DROP", symptom: "checkout's connections to payments time out" },
    action: (pod) => ({ kind: "step", step: firewallDrop(pod("checkout"), pod("payments")) }),
  },
  "full-queue": {
    title: "web's egress queue is too short: it overflows",
    where: "web",
    expects: { reason: "QDISC_DROP", symptom: "retransmits and slow pages from web" },
    action: (pod) => ({ kind: "step", step: fullQueue(pod("web")) }),
  },
  "slow-service": {
    title: "payments answers after 400 ms",
    where: "payments",
    expects: { symptom: "checkout is slow, nothing is lost" },
    action: () => ({ kind: "settings", on: { paymentsDelayMs: 400 }, off: { paymentsDelayMs: 0 } }),
  },
  "crash-loop": {
    title: "cart's container is killed every few seconds and comes back under a new id",
    where: "cart",
    expects: { symptom: "resets from cart, a new container id in the same pod" },
    action: () => ({ kind: "crash", pod: "cart", container: "cart", everyMs: 4_000 }),
  },
};

export function faultName(name: string): FaultName {
  const known = FAULT_NAMES.find((candidate) => candidate === name);
  if (!known) throw new LabError(`no fault '${name}'; there are ${FAULT_NAMES.join(", ")}`);
  return known;
}
