/**
 * One document as it was given, read: which kind it is, what it says, and what is kept of it. Pure; nothing here knows
 * other documents. What a kind's own fields mean is packages/policy's.
 */
import {
  API_VERSIONS,
  type DocumentKind,
  type DocumentName,
  REVISION_ANNOTATION,
} from "@millrace/contract/document";
import { MOST_LABELS } from "@millrace/contract/identity";
import { NAMESPACE_NAME_LABEL } from "@millrace/contract/policy-protocol";
import type { PolicyDraft } from "@millrace/policy/draft";
import { type NamespaceDraft, readNamespace, readNetworkPolicy } from "@millrace/policy/kubernetes";
import { readNativePolicy } from "@millrace/policy/native";
import type { Problem, Reading } from "@millrace/policy/reading";
import { readService } from "@millrace/policy/service-document";
import { readEndpointSlice, type SliceReading } from "@millrace/policy/slice-document";
import { EVERYWHERE } from "../policy/service.ts";
import { scopeOfSlices } from "../service/service.ts";

export type Json = Record<string, unknown>;
export type ReadDocument = DocumentName & {
  /** What it is looked up by: see the schema. */
  scope: string;
  given: Json;
  reading: Json;
  /** Only if the document is still as it was then; null: whatever it is. */
  fromRevision: number | null;
};

const READERS: Record<DocumentKind, (document: unknown) => Reading<object>> = {
  Namespace: readBoundedNamespace,
  NetworkPolicy: readNetworkPolicy,
  Policy: readNativePolicy,
  Service: readService,
  EndpointSlice: readEndpointSlice,
};
/** What a policy may know of an identity is bounded, and a namespace's labels are a part of it. */
function readBoundedNamespace(document: unknown): Reading<NamespaceDraft> {
  const reading = readNamespace(document);
  if (!reading.ok || Object.keys(reading.value.labels).length <= MOST_LABELS) return reading;
  return refused("metadata.labels", `are at most ${MOST_LABELS}, ${NAMESPACE_NAME_LABEL} among them`);
}

const SCOPES: Record<DocumentKind, (name: DocumentName, reading: object) => string> = {
  Namespace: () => "",
  NetworkPolicy: ({ namespace }) => namespace,
  Policy: ({ namespace }, reading) => policyScope(namespace, reading as PolicyDraft),
  Service: ({ namespace }) => namespace,
  EndpointSlice: ({ namespace }, reading) => scopeOfSlices(namespace, (reading as SliceReading).service),
};
const policyScope = (namespace: string, { subject }: PolicyDraft): string =>
  subject.namespaces === null ? namespace : EVERYWHERE;

const refused = (path: string, message: string): Reading<never> => ({
  ok: false,
  problems: [{ path, message }],
});

export function readDocument(document: Json): Reading<ReadDocument> {
  const kind = Object.keys(API_VERSIONS).find((one): one is DocumentKind => one === document.kind);
  if (!kind) return refused("kind", `must be ${Object.keys(API_VERSIONS).join(", ")}`);
  if (document.apiVersion !== API_VERSIONS[kind])
    return refused("apiVersion", `must be ${API_VERSIONS[kind]} for ${kind}`);
  const { given, fromRevision } = kept(document);
  const problem = revisionProblem(fromRevision);
  const read = READERS[kind](given);
  if (!read.ok || problem)
    return { ok: false, problems: [...(problem ? [problem] : []), ...(read.ok ? [] : read.problems)] };
  const reading = plainJson(read.value);
  const name = nameOf(kind, given);
  if (kind !== "Namespace") (given.metadata as Json).namespace = name.namespace;
  const from = fromRevision === undefined ? null : Number(fromRevision);
  return {
    ok: true,
    value: { ...name, scope: SCOPES[kind](name, reading), given, reading, fromRevision: from },
  };
}

/** What a reader has found to be well-formed. */
function nameOf(kind: DocumentKind, { metadata }: Json): DocumentName {
  const { name, namespace } = metadata as { name: string; namespace?: string | null };
  return { kind, namespace: kind === "Namespace" ? "" : (namespace ?? "default"), name };
}

function revisionProblem(revision: unknown): Problem | undefined {
  if (revision === undefined || /^[1-9]\d{0,9}$/.test(String(revision))) return undefined;
  return { path: `metadata.annotations[${REVISION_ANNOTATION}]`, message: "is no revision" };
}

/** Written by API servers and by kubectl, and by ourselves: no part of what somebody wants. */
const ADDED = [
  ...["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"],
  ...["deletionTimestamp", "deletionGracePeriodSeconds", "finalizers", "ownerReferences"],
];
const ADDED_ANNOTATIONS = ["kubectl.kubernetes.io/last-applied-configuration", REVISION_ANNOTATION];

function kept(document: Json): { given: Json; fromRevision: unknown } {
  const { status: _, ...given } = plainJson(document);
  if (!isObject(given.metadata)) return { given, fromRevision: undefined };
  const metadata = without(given.metadata, ADDED);
  const { annotations } = metadata;
  if (!isObject(annotations)) return { given: { ...given, metadata }, fromRevision: undefined };
  const others = without(annotations, ADDED_ANNOTATIONS);
  const { annotations: __, ...rest } = metadata;
  return {
    given: {
      ...given,
      metadata: Object.keys(others).length > 0 ? { ...rest, annotations: others } : rest,
    },
    fromRevision: annotations[REVISION_ANNOTATION],
  };
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const without = (object: Json, keys: readonly string[]): Json =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
/** As the database will give it back, so that equal is equal. */
const plainJson = (value: object): Json => JSON.parse(JSON.stringify(value));
