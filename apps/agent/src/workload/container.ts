/**
 * What discovery says of one container, whatever its runtime. A fact that isn't known is null, and `unknown`
 * says why in words for the operator.
 */
export type Container = {
  runtime: string;
  id: string;
  pid: number;
  /** Clock ticks after boot: with the pid it names one process for good. */
  startTicks: number;
  name: string | null;
  podName: string | null;
  podNamespace: string | null;
  /** Holds the pod's namespace open and does nothing else. */
  isSandbox: boolean;
  image: string | null;
  startedAtMs: number | null;
  labels: Record<string, string>;
  unknown: string | null;
};

export interface Runtime {
  readonly name: string;
  /** Directories in which containers appear. */
  watched(): string[];
  /** Containers with a live process. Never throws for what it finds on disk. */
  list(): Container[];
}

const MAX_LABELS = 64;
/** As the wire takes them; what is longer is left out, not cut. */
export function boundedLabels(labels: Record<string, unknown>): Record<string, string> {
  const fit = Object.entries(labels).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === "string" && entry[0].length <= 63 && entry[1].length <= 253,
  );
  return Object.fromEntries(fit.slice(0, MAX_LABELS));
}
