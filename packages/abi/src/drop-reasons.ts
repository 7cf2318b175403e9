/*
 * Why packets are dropped, by the kernel or by our own dataplane, in words, by the names of its enum skb_drop_reason without their prefix. The
 * numbers differ from kernel to kernel and are never written down: the agent takes them from the host's BTF.
 */
import { IP_REASONS } from "./drop-reasons/ip.ts";
import { LINK_REASONS } from "./drop-reasons/link.ts";
import { OWN_REASONS } from "./drop-reasons/own.ts";
import type { DropReasonTable, DropReasonText } from "./drop-reasons/reason.ts";
import { SOCKET_REASONS } from "./drop-reasons/socket.ts";
import { TCP_REASONS } from "./drop-reasons/tcp.ts";

export type { DropReasonText } from "./drop-reasons/reason.ts";

export const DROP_REASONS: Readonly<DropReasonTable> = {
  ...SOCKET_REASONS,
  ...IP_REASONS,
  ...TCP_REASONS,
  ...LINK_REASONS,
  ...OWN_REASONS,
};

const PREFIX = "SKB_DROP_REASON_";

/** Enumerators that bound or mask the enumeration, and name no reason. */
const NOT_REASONS = new Set(["MAX", "SUBSYS_MASK"]);

/** SKB_DROP_REASON_NO_SOCKET → NO_SOCKET; undefined for what isn't a reason. */
export function dropReasonName(enumerator: string): string | undefined {
  const name = enumerator.startsWith(PREFIX) ? enumerator.slice(PREFIX.length) : enumerator;
  return NOT_REASONS.has(name) ? undefined : name;
}

/** With or without the prefix. A reason that isn't known here counts as a loss, and says that it isn't known. */
export function dropReason(name: string): DropReasonText {
  const short = dropReasonName(name) ?? name;
  return Object.hasOwn(DROP_REASONS, short) ? (DROP_REASONS[short] as DropReasonText) : unknownReason(short);
}

function unknownReason(name: string): DropReasonText {
  return {
    class: "loss",
    title: name,
    explanation:
      "This kernel gives a reason that this version of Millrace has no text for. It is counted as a loss.",
    nextStep:
      "Look the name up in the kernel's documentation, and look at the place where the packet was dropped.",
  };
}
