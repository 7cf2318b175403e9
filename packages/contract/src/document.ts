/**
 * Documents as people write them, YAML or JSON: namespaces, policies, services and endpoint slices. This file is how the
 * operator API takes and gives them; what stands in each kind is packages/policy's to read.
 */
import { z } from "zod";

/** Each kind with the only apiVersion of it that is read. */
export const API_VERSIONS = {
  Namespace: "v1",
  NetworkPolicy: "networking.k8s.io/v1",
  Policy: "millrace.io/v1",
  Service: "v1",
  EndpointSlice: "discovery.k8s.io/v1",
} as const;
export const DOCUMENT_KINDS = ["Namespace", "NetworkPolicy", "Policy", "Service", "EndpointSlice"] as const;
export const DocumentKind = z.enum(DOCUMENT_KINDS);
export type DocumentKind = z.infer<typeof DocumentKind>;

export const DOCUMENT_LIMITS = { atOnce: 1000, listed: 10_000 } as const;

/** Only that it is an object: every problem inside it is told by document and field. */
export const DocumentObject = z.record(z.string(), z.unknown());
export type DocumentObject = z.infer<typeof DocumentObject>;

/** In the order in which they were given. All are taken, or none. */
export const DocumentsInput = z.object({
  documents: z.array(DocumentObject).min(1).max(DOCUMENT_LIMITS.atOnce),
});
export type DocumentsInput = z.infer<typeof DocumentsInput>;

export const DocumentProblem = z.object({
  /** Which of the documents, from 0. */
  document: z.int().nonnegative(),
  /** Where in it, as `spec.ingress[0].ports` or `metadata.labels[a.b/c]`; empty: the document itself. */
  path: z.string(),
  message: z.string(),
});
export type DocumentProblem = z.infer<typeof DocumentProblem>;

export const DocumentName = z.object({
  kind: DocumentKind,
  /** Empty where the kind has no namespace. */
  namespace: z.string().max(63),
  name: z.string().min(1).max(253),
});
export type DocumentName = z.infer<typeof DocumentName>;

export const ChangedDocument = DocumentName.extend({
  what: z.enum(["created", "changed", "unchanged"]),
  /** Of its newest change; null where it is only said what would be. */
  revision: z.int().nullable(),
});
export type ChangedDocument = z.infer<typeof ChangedDocument>;

/** With problems nothing was done. */
export const DocumentsOutput = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), documents: z.array(ChangedDocument) }),
  z.object({ ok: z.literal(false), problems: z.array(DocumentProblem) }),
]);
export type DocumentsOutput = z.infer<typeof DocumentsOutput>;

export const ListDocumentsInput = z.object({
  kind: DocumentKind.nullish(),
  namespace: z.string().max(63).nullish(),
});
export type ListDocumentsInput = z.infer<typeof ListDocumentsInput>;

export const DocumentView = DocumentName.extend({
  /** Of a policy; what flows say of it. */
  number: z.int().nullable(),
  revision: z.int(),
  createdAtMs: z.number(),
  changedAtMs: z.number(),
  changedBy: z.string(),
});
export type DocumentView = z.infer<typeof DocumentView>;
export const WholeDocumentView = DocumentView.extend({
  /** Fit to be applied again: what the control plane has added stands where an apply doesn't look. */
  document: DocumentObject,
});
export type WholeDocumentView = z.infer<typeof WholeDocumentView>;

export const DeleteDocumentsInput = z.object({
  documents: z.array(DocumentName).min(1).max(DOCUMENT_LIMITS.atOnce),
});
export type DeleteDocumentsInput = z.infer<typeof DeleteDocumentsInput>;
/** In the order asked. */
export const DeletedDocuments = z.object({
  documents: z.array(DocumentName.extend({ what: z.enum(["deleted", "absent"]) })),
});
export type DeletedDocuments = z.infer<typeof DeletedDocuments>;

/** As people say it: `NetworkPolicy shop/web`. */
export const documentText = ({ kind, namespace, name }: DocumentName): string =>
  `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;

/** The annotation by which `documents.get` says a document's revision: applied with it, only what it was read from is changed. */
export const REVISION_ANNOTATION = "millrace.io/revision";
