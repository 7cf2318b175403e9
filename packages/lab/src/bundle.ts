/**
 * The OCI configuration of one container, as a container runtime interface would write it: own mount, pid,
 * ipc and uts namespaces, the pod's network namespace, and annotations that name pod and container. Pure.
 */
import type { Mount } from "./rootfs.ts";
import { type ContainerSpec, netnsPath, type PodPlan } from "./topology.ts";

export type BundleInput = {
  labName: string;
  pod: PodPlan;
  podUid: string;
  container: ContainerSpec;
  rootfs: string;
  mounts: readonly Mount[];
};

export const SETTINGS_IN_CONTAINER = "/run/lab";
export const REPORT_IN_CONTAINER = "/run/report";

/** The root of every cgroup the labs of this machine make, in each mounted hierarchy. */
export const CGROUP_ROOT = "/millrace-lab";
export const cgroupPath = (labName: string, pod: string, container: string): string =>
  `${CGROUP_ROOT}/${labName}/${pod}/${container}`;

/** What ping and a well-known port need; nothing that could leave the container. */
const CAPABILITIES = ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"];
const TMPFS = ["nosuid", "nodev", "mode=1777", "size=65536k"];

const SYSTEM_MOUNTS: readonly Mount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
  { destination: "/dev/shm", type: "tmpfs", source: "shm", options: TMPFS },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: TMPFS },
  { destination: "/run", type: "tmpfs", source: "tmpfs", options: TMPFS },
];

function annotations({ pod, podUid, container }: BundleInput): Record<string, string> {
  return {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": container.name,
    "io.kubernetes.cri.sandbox-id": podUid.replaceAll("-", "").repeat(2),
    "io.kubernetes.cri.sandbox-name": pod.name,
    "io.kubernetes.cri.sandbox-namespace": pod.namespace,
    "io.kubernetes.cri.sandbox-uid": podUid,
    "millrace.io/labels": JSON.stringify(pod.labels),
  };
}

export function ociConfig(input: BundleInput): object {
  const { labName, pod, container, rootfs, mounts } = input;
  return {
    ociVersion: "1.0.2",
    hostname: pod.name,
    root: { path: rootfs, readonly: true },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: container.argv,
      env: ["PATH=/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      noNewPrivileges: true,
    },
    mounts: [...SYSTEM_MOUNTS, ...mounts],
    annotations: annotations(input),
    linux: {
      cgroupsPath: cgroupPath(labName, pod.name, container.name),
      resources: { pids: { limit: 512 } },
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        { type: "network", path: netnsPath(pod.netns) },
      ],
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}
