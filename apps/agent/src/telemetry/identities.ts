/**
 * Who stands at an end of a flow, as far as this host knows: its own containers by endpoint and cgroup, its
 * own addresses. The rest of the fleet is resolved where it is known, at the server.
 */
import type { Workload } from "@millrace/contract/batch";

export interface Identities {
  /** The workload behind an endpoint; narrowed to a container when the socket's cgroup tells. */
  local(endpointId: number, cgroupLow: number, cgroupHigh: number): Workload | undefined;
  /** By address: four words of it in `words`, from `at`. */
  remote(words: Uint32Array, at: number): Workload | undefined;
}
