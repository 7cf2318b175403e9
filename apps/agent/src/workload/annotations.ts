/**
 * Names out of OCI annotations: each container manager has keys of its own, listed here as data. What a
 * manager keeps to itself is null, and `unknown` says what only its socket tells.
 */
import { boundedLabels, withoutKubelets } from "./container.ts";

export type Names = {
  runtime: string;
  name: string | null;
  podName: string | null;
  podNamespace: string | null;
  isSandbox: boolean;
  image: string | null;
  labels: Record<string, string>;
  unknown: string | null;
};
type Annotations = Record<string, string>;
type Dialect = {
  runtime: string;
  speaks: (a: Annotations) => boolean;
  container: string;
  pod: string;
  namespace: string;
  type: string;
  image: string;
  /** Keys whose values are labels as a JSON object. */
  labels: string;
  unknown: string | null;
};

const MANAGER = "io.container.manager";
/** The first that speaks is it: podman marks the members of its pods as CRI-O does. */
const DIALECTS: readonly Dialect[] = [
  {
    runtime: "containerd",
    speaks: (a) => "io.kubernetes.cri.container-type" in a,
    container: "io.kubernetes.cri.container-name",
    pod: "io.kubernetes.cri.sandbox-name",
    namespace: "io.kubernetes.cri.sandbox-namespace",
    type: "io.kubernetes.cri.container-type",
    image: "io.kubernetes.cri.image-name",
    labels: "millrace.io/labels",
    unknown: "pod labels are told by containerd's socket alone",
  },
  {
    runtime: "podman",
    speaks: (a) => a[MANAGER] === "libpod" || (a[MANAGER] === undefined && keysBeginWith(a, "io.podman.")),
    container: "io.podman.annotations.name",
    pod: "io.podman.annotations.pod",
    namespace: "",
    type: "",
    image: "",
    labels: "io.podman.annotations.labels",
    unknown: "pod and labels are told by podman's socket alone",
  },
  {
    runtime: "cri-o",
    speaks: (a) => "io.kubernetes.cri-o.ContainerType" in a || a[MANAGER] === "cri-o",
    container: "io.kubernetes.container.name",
    pod: "io.kubernetes.pod.name",
    namespace: "io.kubernetes.pod.namespace",
    type: "io.kubernetes.cri-o.ContainerType",
    image: "io.kubernetes.cri-o.ImageName",
    labels: "io.kubernetes.cri-o.Labels",
    unknown: "pod labels are told by CRI-O's socket alone",
  },
];
/** Containers without a manager's annotations, by whose they are. Plain runc has nobody to ask. */
const UNSIGNED: Record<string, string> = {
  containerd: "labels and image are told by containerd's socket alone",
};

/** `fallback` is what to call the runtime when no manager signed the annotations. */
export function namesFrom(annotations: Annotations, fallback: string): Names {
  const dialect = DIALECTS.find(({ speaks }) => speaks(annotations));
  if (!dialect) {
    const labels = labelsIn(annotations["millrace.io/labels"]);
    const none = { name: null, podName: null, podNamespace: null, isSandbox: false, image: null };
    return { runtime: fallback, ...none, labels, unknown: UNSIGNED[fallback] ?? null };
  }
  const labels = labelsIn(annotations[dialect.labels]);
  return {
    runtime: dialect.runtime,
    name: annotations[dialect.container] ?? null,
    podName: annotations[dialect.pod] ?? null,
    podNamespace: annotations[dialect.namespace] ?? null,
    isSandbox: annotations[dialect.type] === "sandbox",
    image: annotations[dialect.image] ?? null,
    labels,
    unknown: Object.keys(labels).length === 0 ? dialect.unknown : null,
  };
}

function keysBeginWith(annotations: Annotations, prefix: string): boolean {
  return Object.keys(annotations).some((key) => key.startsWith(prefix));
}

function labelsIn(json: string | undefined): Record<string, string> {
  try {
    const value: unknown = JSON.parse(json ?? "{}");
    return value !== null && typeof value === "object" ? withoutKubelets(boundedLabels({ ...value })) : {};
  } catch {
    return {};
  }
}
