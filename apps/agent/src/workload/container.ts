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

/**
 * Names and labels are what a container's maker wrote, and end in terminals, in JSON and in Postgres: control
 * characters and halves of surrogate pairs become a replacement character.
 */
function cut<T extends string | null>(text: T, most: number): T {
  return (text === null ? null : text.slice(0, most).replaceAll(/\p{C}/gu, "\ufffd")) as T;
}

/** As the wire takes them; a label that is longer is left out, not cut. */
export function boundedLabels(labels: Record<string, unknown>): Record<string, string> {
  const fit = Object.entries(labels).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === "string" && entry[0].length <= 63 && entry[1].length <= 253,
  );
  return Object.fromEntries(fit.slice(0, MAX_LABELS).map(([key, value]) => [cut(key, 63), cut(value, 253)]));
}
/** The kubelet repeats names and identifiers as labels; those are no labels of the pod's. */
export function withoutKubelets(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith("io.kubernetes.")));
}

/** Whatever a file on disk said: no name of it may make a batch that the server can't take. */
export function bounded(container: Container): Container {
  const { runtime, id, name, podName, podNamespace, image, unknown } = container;
  return {
    ...container,
    ...{ runtime: cut(runtime, 40), id: cut(id, 128), name: cut(name, 253), podName: cut(podName, 253) },
    ...{ podNamespace: cut(podNamespace, 253), image: cut(image, 500), unknown: cut(unknown, 200) },
    labels: boundedLabels(container.labels),
  };
}
