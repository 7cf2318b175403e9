/**
 * What a runtime's socket told of one container. Others' words: whoever joins them with a container bounds
 * them (workload/container.ts). What wasn't told is null.
 */
export type Told = {
  id: string;
  name: string | null;
  podName: string | null;
  podNamespace: string | null;
  isSandbox: boolean;
  image: string | null;
  labels: Record<string, string>;
};

/** Asks one runtime, for these containers at least. Rejects with words for the operator. */
export type Ask = (ids: readonly string[]) => Promise<readonly Told[]>;

/** More containers than a host runs: an answer with more is cut here. */
export const MAX_TOLD = 4096;
/** For one answer, whatever the protocol. */
export const ANSWER_MS = 2000;
export const ANSWER_BYTES = 16 << 20;
