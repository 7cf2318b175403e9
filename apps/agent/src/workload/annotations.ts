/**
 * Names out of OCI annotations: each container manager has keys of its own, listed here as data. What a
 * manager keeps to itself is null, with the reason.
 */
import { boundedLabels } from "./container.ts";

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

const CRI_SOCKET = "pod labels are known only to the runtime's CRI socket, which speaks gRPC";
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
    unknown: CRI_SOCKET,
  },
  {
    runtime: "cri-o",
    speaks: (a) => "io.kubernetes.cri-o.ContainerType" in a || a["io.container.manager"] === "cri-o",
    container: "io.kubernetes.container.name",
    pod: "io.kubernetes.pod.name",
    namespace: "io.kubernetes.pod.namespace",
    type: "io.kubernetes.cri-o.ContainerType",
    image: "io.kubernetes.cri-o.ImageName",
    labels: "io.kubernetes.cri-o.Labels",
    unknown: null,
  },
  {
    runtime: "podman",
    speaks: (a) =>
      a["io.container.manager"] === "libpod" || Object.keys(a).some((key) => key.startsWith("io.podman.")),
    container: "io.podman.annotations.name",
    pod: "io.podman.annotations.pod",
    namespace: "",
    type: "",
    image: "",
    labels: "io.podman.annotations.labels",
    unknown: "podman keeps names and labels in a database that it locks",
  },
];

/** `fallback` is what to call the runtime when no manager signed the annotations. */
export function namesFrom(annotations: Annotations, fallback: string): Names {
  const dialect = DIALECTS.find(({ speaks }) => speaks(annotations));
  if (!dialect) {
    const labels = labelsIn(annotations["millrace.io/labels"]);
    const none = { name: null, podName: null, podNamespace: null, isSandbox: false, image: null };
    return { runtime: fallback, ...none, labels, unknown: null };
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

function labelsIn(json: string | undefined): Record<string, string> {
  try {
    const value: unknown = JSON.parse(json ?? "{}");
    return value !== null && typeof value === "object" ? boundedLabels({ ...value }) : {};
  } catch {
    return {};
  }
}
