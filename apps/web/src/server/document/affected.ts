/** Whom a change of documents is told: what policies, namespaces and services were and are, and the hosts that go by them. */
import type { DocumentName } from "@millrace/contract/document";
import type { PolicyDraft } from "@millrace/policy/draft";
import type { SliceReading } from "@millrace/policy/slice-document";
import { tellOfNamespaces, tellOfPolicies } from "../policy/service.ts";
import { type Held, tellOfHeld, tellOfServices } from "../service/service.ts";
import type { Json } from "./read.ts";

type Document = DocumentName & { reading: Json };
export type Affected = {
  policies: PolicyDraft[];
  namespaces: string[];
  /** Virtual addresses and node ports that mean something else than before. */
  held: Held;
  /** Whose backends changed. */
  services: { namespace: string; name: string }[];
};

export function affected(
  before: readonly Document[],
  after: readonly Document[],
  held: readonly Held[],
): Affected {
  const all = [...before, ...after];
  return {
    policies: all
      .filter(({ kind }) => kind === "Policy" || kind === "NetworkPolicy")
      .map(({ reading }) => reading as PolicyDraft),
    namespaces: [...new Set(all.filter(({ kind }) => kind === "Namespace").map(({ name }) => name))],
    held: {
      addresses: held.flatMap(({ addresses }) => addresses),
      nodePorts: held.flatMap(({ nodePorts }) => nodePorts),
    },
    services: all
      .filter(({ kind }) => kind === "EndpointSlice")
      .map(({ namespace, reading }) => ({ namespace, name: (reading as SliceReading).service })),
  };
}

/** race: after the change is committed. Who asks from then on gets the new answer; who asked before is found here. */
export async function tellAffected({ policies, namespaces, held, services }: Affected): Promise<void> {
  await tellOfPolicies(policies);
  await tellOfNamespaces(namespaces);
  await tellOfHeld(held);
  await tellOfServices(services);
}
