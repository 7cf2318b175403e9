/**
 * The editor's text and the documents in it: read with the line of every field, and written back. Not what documents
 * mean: the server says that.
 */
import type { DocumentObject, DocumentProblem } from "@millrace/contract/document";
import { readManifests } from "@millrace/policy/manifest";
import { manifestText } from "@millrace/policy/manifest-text";

/** `line`: from 1. `field`: where in its document; empty: the document itself, or no document yet. */
export type LineProblem = { line: number; field: string; message: string };
export type Draft = {
  documents: DocumentObject[];
  /** Why it can't be read. */
  problems: LineProblem[];
  /** What is wrong in a document, at its line. */
  placed: (problems: readonly DocumentProblem[]) => LineProblem[];
};

export function readDraft(text: string): Draft {
  const { manifests, problems } = readManifests([{ name: "", text }]);
  const found = problems.map(({ line, message }) => ({ line, field: "", message }));
  const none = { line: 1, field: "", message: "There is no document yet." };
  return {
    documents: manifests.map(({ document }) => document),
    problems: found.length === 0 && manifests.length === 0 ? [none] : found,
    placed: (problems) =>
      problems.map(({ document, path, message }) => ({
        ...{ line: manifests[document]?.lineOf(path) ?? 1, field: path, message },
      })),
  };
}

/** Without what the control plane says of it, which no apply reads. */
export function documentText({ status: _, ...document }: DocumentObject): string {
  return manifestText(document);
}

export const FIRST_DRAFT = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: default
  annotations:
    millrace.io/mode: observe # first only say on flows what it would drop
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app: frontend
      ports:
        - protocol: TCP
          port: 8080
`;
