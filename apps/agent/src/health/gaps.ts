/** What this agent doesn't see, said instead of forgotten: one entry a kind, with how many and why. */
import type { Heartbeat } from "@millrace/contract/agent-protocol";
import type { Pod } from "../workload/pod.ts";

export type Gap = Heartbeat["gaps"][number];

export const HOST_NETWORK = "it uses the host's network, which is not a container's to observe";

export function gapsOf(facts: {
  pods: readonly Pod[];
  /** Pods whose loopback is up; what they say to themselves crosses no interface we are on. */
  loopbacks: number;
  refusedInterfaces: number;
  failedEndpoints: number;
  /** Hooks that somebody took off and that can't be put on again, each with the reason. */
  hooksOff: readonly string[];
  /** Why an earlier life may have counted what nobody reports and nobody can put a number to. */
  leftBehind: readonly string[];
  /** Programs this kernel can't run, with the reason. */
  missing: readonly { what: string; why: string }[];
}): Gap[] {
  const onHost = facts.pods.filter((pod) => pod.cookie === undefined).length;
  const gaps: Gap[] = [
    { what: "containers on the host's network", count: onHost, why: HOST_NETWORK },
    {
      what: "traffic over a pod's own loopback",
      count: facts.loopbacks,
      why: "it never leaves the pod: no interface that is observed sees it",
    },
    {
      what: "interfaces beyond the table's size",
      count: facts.refusedInterfaces,
      why: "the table of endpoints has no room for them, or their pod has more than its share",
    },
    {
      what: "interfaces that could not be attached to",
      count: facts.failedEndpoints,
      why: "the kernel refused; tried again and again, the reason stands with the pod",
    },
    {
      what: "hooks that somebody took off",
      count: facts.hooksOff.length,
      why: `what passes there is neither counted nor judged; tried again every few seconds: ${facts.hooksOff[0]}`.slice(
        0,
        300,
      ),
    },
    ...facts.leftBehind.map((why) => ({
      what: "what was counted since the last report of an earlier agent",
      count: 1,
      why: why.slice(0, 300),
    })),
    ...facts.missing.map(({ what, why }) => ({ what, count: 1, why: why.slice(0, 300) })),
  ];
  return gaps.filter(({ count }) => count > 0).slice(0, 50);
}
