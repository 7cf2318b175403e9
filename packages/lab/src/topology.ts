/**
 * Who is where: turns a lab's options into hosts, pods and addresses. Pure arithmetic on names and numbers;
 * what makes these things exist is network-plan.ts and pod.ts.
 */
import { createHash } from "node:crypto";
import { LabError } from "./subprocess.ts";

export type ContainerSpec = {
  name: string;
  argv: readonly string[];
  /** Whether it is started again when it ends. */
  restart: boolean;
  /** Whether it writes a report (status.ts) and says `ready: 1` there, for which `up` waits. */
  reports?: boolean;
};
export type PodSpec = {
  name: string;
  namespace: string;
  /** 1 for the first host. */
  hostNumber: number;
  labels: Readonly<Record<string, string>>;
  containers: readonly ContainerSpec[];
  /** Of its host, that lead to it: as CNI's portMappings. Only a CNI plugin makes them. */
  hostPorts?: readonly { protocol: "tcp" | "udp"; hostPort: number; containerPort: number }[];
};
export type HostPlan = {
  name: string;
  number: number;
  netns: string;
  uplink4: string;
  uplink6: string;
  podNetwork4: string;
  podNetwork6: string;
  gateway4: string;
  gateway6: string;
};
export type PodPlan = PodSpec & {
  host: HostPlan;
  netns: string;
  ip4: string;
  ip6: string;
  mac: string;
  /** The host's end of the pod's veth pair; the pod's own end is always eth0. */
  hostDevice: string;
};

export const LAB_NAME = /^[a-z][a-z0-9]{0,15}$/;
export const POD_NAME = /^[a-z][a-z0-9-]{0,39}$/;
export const MAX_HOSTS = 32;
const FIRST_POD_NUMBER = 10;
const LAST_POD_NUMBER = 250;

/** No '-' may stand in a lab's name, so that no lab's prefix is the beginning of another's. */
export const netnsPrefix = (labName: string): string => `mr-${labName}-`;
export const underlayNetns = (labName: string): string => `${netnsPrefix(labName)}net`;
export const netnsPath = (netns: string): string => `/run/netns/${netns}`;

export function planHost(labName: string, number: number): HostPlan {
  return {
    name: `h${number}`,
    number,
    netns: `${netnsPrefix(labName)}h${number}`,
    uplink4: `10.200.0.${number}`,
    uplink6: `fd00:200::${number}`,
    podNetwork4: `10.201.${number}.0/24`,
    podNetwork6: `fd00:201:${number}::/64`,
    gateway4: `10.201.${number}.1`,
    gateway6: `fd00:201:${number}::1`,
  };
}

export function planHosts(labName: string, count: number): HostPlan[] {
  if (!LAB_NAME.test(labName)) {
    throw new LabError(
      `'${labName}' can't name a lab: a small letter, then at most 15 small letters or digits`,
    );
  }
  if (!Number.isInteger(count) || count < 1 || count > MAX_HOSTS) {
    throw new LabError(`a lab has 1 to ${MAX_HOSTS} hosts, not ${count}`);
  }
  return Array.from({ length: count }, (_, index) => planHost(labName, index + 1));
}

/**
 * The next free number of a pod on its host. It goes round instead of taking the lowest free one, as CNI's
 * host-local does, so that a new pod doesn't at once answer for its predecessor's connections.
 */
export function nextPodNumber(taken: ReadonlySet<number>, last: number | undefined): number {
  const size = LAST_POD_NUMBER - FIRST_POD_NUMBER + 1;
  const start = last === undefined ? 0 : last + 1 - FIRST_POD_NUMBER;
  for (let step = 0; step < size; step++) {
    const number = FIRST_POD_NUMBER + ((start + step) % size);
    if (!taken.has(number)) return number;
  }
  throw new LabError(`a host of the lab holds at most ${size} pods`);
}

export function planPod(labName: string, host: HostPlan, spec: PodSpec, podNumber: number): PodPlan {
  if (!POD_NAME.test(spec.name)) {
    throw new LabError(`'${spec.name}' can't name a pod: a small letter, then small letters, digits or '-'`);
  }
  const ip4 = `10.201.${host.number}.${podNumber}`;
  const octets = ip4.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return {
    ...spec,
    host,
    netns: `${netnsPrefix(labName)}pod-${spec.name}`,
    ip4,
    ip6: `fd00:201:${host.number}::${podNumber}`,
    // Derived from the address: an address used again keeps its neighbours' entries true.
    mac: `0a:58:${octets.join(":")}`,
    hostDevice: `veth${createHash("sha256").update(spec.name).digest("hex").slice(0, 8)}`,
  };
}
