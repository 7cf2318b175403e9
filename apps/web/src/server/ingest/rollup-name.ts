/**
 * The name an end goes by in rollups: its service, else its pod, else its host; for others their address.
 * Which addresses are worth a name of their own is rollup-cardinality.ts's to say.
 */
import type { Workload } from "@millrace/contract/batch";

export const ROLLUP_KINDS = ["service", "pod", "host", "external", "other"] as const;
export type RollupName = { readonly kind: (typeof ROLLUP_KINDS)[number]; readonly name: string };

export const OTHER: RollupName = { kind: "other", name: "other" };

type Named = Pick<Workload, "kind" | "namespace" | "pod" | "service">;

/** undefined: nothing to name it by but its address. */
export function rollupName(workload: Named, hostName: string): RollupName | undefined {
  if (workload.kind === "external") return undefined;
  if (workload.service) return { kind: "service", name: within(workload.namespace, workload.service) };
  if (workload.kind === "host") return { kind: "host", name: hostName };
  if (workload.pod) return { kind: "pod", name: within(workload.namespace, workload.pod) };
  return undefined;
}
const within = (namespace: string | null, name: string) => (namespace ? `${namespace}/${name}` : name);
