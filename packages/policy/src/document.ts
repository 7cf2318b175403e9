/** Any document that says something about policy, by its apiVersion and kind. */
import type { PolicyDraft } from "./draft.ts";
import {
  NAMESPACE,
  type NamespaceDraft,
  NETWORK_POLICY,
  readNamespace,
  readNetworkPolicy,
} from "./kubernetes.ts";
import { NATIVE_POLICY, readNativePolicy } from "./native.ts";
import { kindOf, type Problem, type Reading, suggestion } from "./reading.ts";

export type DocumentDraft =
  | { kind: "policy"; language: "kubernetes" | "native"; policy: PolicyDraft }
  | { kind: "namespace"; namespace: NamespaceDraft };

const KINDS = [NETWORK_POLICY, NATIVE_POLICY, NAMESPACE];

export function readDocument(document: unknown): Reading<DocumentDraft> {
  if (typeof document !== "object" || document === null || Array.isArray(document))
    return refused("", `must be an object with apiVersion, kind, metadata and spec, not ${kindOf(document)}`);
  const { kind } = document as { kind?: unknown };
  switch (kind) {
    case NETWORK_POLICY.kind:
      return policyReading("kubernetes", readNetworkPolicy(document));
    case NATIVE_POLICY.kind:
      return policyReading("native", readNativePolicy(document));
    case NAMESPACE.kind: {
      const reading = readNamespace(document);
      return reading.ok ? { ok: true, value: { kind: "namespace", namespace: reading.value } } : reading;
    }
    default:
      return refused("kind", kindMessage(kind));
  }
}

/** The documents in one: those that a list of Kubernetes' (`kubectl get -o yaml`) holds, or itself. */
export function documentsIn(document: unknown): unknown[] {
  if (typeof document !== "object" || document === null) return [document];
  const { kind, items } = document as { kind?: unknown; items?: unknown };
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) ? items : [document];
}

function policyReading(
  language: "kubernetes" | "native",
  reading: Reading<PolicyDraft>,
): Reading<DocumentDraft> {
  return reading.ok ? { ok: true, value: { kind: "policy", language, policy: reading.value } } : reading;
}

const refused = (path: string, message: string): { ok: false; problems: Problem[] } => ({
  ok: false,
  problems: [{ path, message }],
});

function kindMessage(kind: unknown): string {
  const names = KINDS.map((one) => `${one.kind} (${one.apiVersion})`).join(", ");
  if (kind === undefined) return `is missing: one of ${names}`;
  const hint =
    typeof kind === "string"
      ? suggestion(
          kind,
          KINDS.map((one) => one.kind),
        )
      : "";
  return `${kindOf(kind)} is none of ${names}${hint}`;
}
