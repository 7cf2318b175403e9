/**
 * A pod's link as the rest of the agent asks for it: made once for a container and an interface's name, all or nothing,
 * and remembered until it is removed. Not how it is made.
 */
import type { CniAdd } from "@millrace/contract/cni";

/** One container has one interface of a name, whatever networks it is in. */
export type AttachmentKey = { containerId: string; ifname: string };
export const keyText = ({ containerId, ifname }: AttachmentKey): string => `${containerId}/${ifname}`;

export type AttachmentRequest = Omit<CniAdd, "op">;

type Link = { name: string; mac: string; mtu: number };
export type Attachment = AttachmentKey & {
  network: string;
  netns: string;
  /** The two ends of the pair. */
  host: Link;
  pod: Link;
  /** In CIDR notation, each with the next hop of its family's default route. */
  addresses: readonly { address: string; gateway: string }[];
};

/** What a pod's end must have at the least; a plugin after us may have added to it. */
export type ExpectedLink = {
  mac?: string | undefined;
  mtu?: number | undefined;
  addresses: readonly string[];
  routes: readonly { dst: string; gw?: string | undefined }[];
};

export interface Attachments {
  /** Answers what was made before when there is one of this key in this namespace. */
  add(request: AttachmentRequest): Promise<Attachment>;
  /** Nothing to remove is no failure, and neither is a namespace that is gone. */
  remove(key: AttachmentKey): Promise<void>;
  check(key: AttachmentKey, netns: string, expected: ExpectedLink): Promise<void>;
  list(): readonly (AttachmentKey & { network: string })[];
  /** Why no attachment can be made just now. */
  notReady(): string | undefined;
}

/** Why an attachment can't be had, as far as somebody outside can do something about it. */
export type AttachmentProblem =
  | "not-ready" // it will pass
  | "no-address" // the pool's blocks are used up
  | "gone" // no such namespace, no such attachment
  | "bad-netns" // no network namespace, or the host's own
  | "name-taken" // the namespace has an interface of this name
  | "port-taken" // a port of the host leads to another pod
  | "unsupported" // what was asked for can't be done here
  | "differs"; // it is not as it was made

export class AttachmentError extends Error {
  override readonly name = "AttachmentError";
  readonly problem: AttachmentProblem;
  constructor(problem: AttachmentProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.problem = problem;
  }
}
