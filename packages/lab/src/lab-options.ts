/** What a lab is asked to be. */
import type { Logger } from "pino";

export type LabOptions = {
  stateDirectory: string;
  name?: string;
  hosts?: number;
  /** Of the shopper's requests; 0 keeps the shop quiet. */
  ratePerSecond?: number;
  /** Without the shop the hosts are empty, for a caller with pods of its own. */
  shop?: boolean;
  /** Wires the pods, instead of the kernel's bridge: the path of a CNI plugin. */
  cniPlugin?: string;
  log?: Logger;
  /** Ends an up that is under way: it throws, and leaves nothing. */
  signal?: AbortSignal;
};
