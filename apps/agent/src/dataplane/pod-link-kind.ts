/** Of which kind pods' links are made: as is wished, else netkit where the kernel has it. Those there are stay as they are. */
import { type Capability, PodLinkKind } from "@millrace/contract/agent-protocol";

export const POD_LINK_CHOICES = ["auto", ...PodLinkKind.options] as const;
export type PodLinkChoice = (typeof POD_LINK_CHOICES)[number];

/** Throws, with the kernel's own words, when what is wished can't be had. */
export function podLinkKind(choice: PodLinkChoice, capabilities: readonly Capability[]): PodLinkKind {
  const netkit = capabilities.find(({ name }) => name === "netkit");
  if (choice === "auto") return netkit?.supported ? "netkit" : "veth";
  if (choice === "netkit" && !netkit?.supported)
    throw new Error(`--pod-link netkit: this kernel can't do it: ${netkit?.reason ?? "not probed"}`);
  return choice;
}
