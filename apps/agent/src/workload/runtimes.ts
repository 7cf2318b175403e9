/** Which runtimes this agent looks at: those it was told, else the well-known places of all of them. */
import type { Runtime } from "./container.ts";
import { CONTAINERD_ROOT, containerd } from "./containerd.ts";
import { CRIO_ROOT, crio } from "./crio.ts";
import { DOCKER_ROOT, Docker } from "./docker.ts";
import { PODMAN_ROOT, podman, podmanOfUsers } from "./podman.ts";
import type { ProcessTable } from "./process.ts";
import { RUNC_ROOT, runc } from "./runc.ts";

export const RUNTIME_KINDS = ["runc", "containerd", "docker", "podman", "crio"] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];
export type RuntimePlace = { kind: RuntimeKind; directory: string };

const MAKE: Record<RuntimeKind, (directory: string, processes: ProcessTable) => Runtime> = {
  runc,
  containerd,
  docker: (directory, processes) => new Docker(directory, processes),
  podman: (directory, processes) => podman(directory, processes),
  crio,
};
const WELL_KNOWN: readonly RuntimePlace[] = [
  { kind: "docker", directory: DOCKER_ROOT },
  { kind: "containerd", directory: CONTAINERD_ROOT },
  { kind: "crio", directory: CRIO_ROOT },
  { kind: "podman", directory: PODMAN_ROOT },
  { kind: "runc", directory: RUNC_ROOT },
];

/** What users tell comes last, so that it takes no name from what root tells. */
export function runtimesAt(places: readonly RuntimePlace[], processes: ProcessTable): Runtime[] {
  const make = ({ kind, directory }: RuntimePlace) => MAKE[kind](directory, processes);
  return places.length > 0 ? places.map(make) : [...WELL_KNOWN.map(make), podmanOfUsers(processes)];
}
