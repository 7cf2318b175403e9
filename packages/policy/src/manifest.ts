/**
 * Manifests: texts of YAML or JSON with any number of documents, and where in a text each field stands. What the documents
 * mean is the server's to say.
 */
import type { DocumentObject } from "@millrace/contract/document";
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";

export type Source = { name: string; text: string };
export type Manifest = {
  file: string;
  document: DocumentObject;
  /** Of the field at the path, or of what it is missing in; from 1. */
  lineOf: (path: string) => number;
};
export type ManifestProblem = { file: string; line: number; message: string };

/** An alias may stand for much: bounded, as everything that somebody else may have written. */
const MOST_ALIASES = 1000;
export function readManifests(sources: readonly Source[]): {
  manifests: Manifest[];
  problems: ManifestProblem[];
} {
  const manifests: Manifest[] = [];
  const problems: ManifestProblem[] = [];
  for (const { name: file, text } of sources) {
    const lines = new LineCounter();
    const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    for (const document of "empty" in documents ? [] : documents) {
      const read = manifestsOf(file, document, lines);
      manifests.push(...read.manifests);
      problems.push(...read.problems);
    }
  }
  return { manifests, problems };
}

function manifestsOf(
  file: string,
  document: Document.Parsed,
  lines: LineCounter,
): { manifests: Manifest[]; problems: ManifestProblem[] } {
  const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => ({ file, line: lineAt(pos[0]), message }));
    return { manifests: [], problems };
  }
  const whole: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
  if (whole === null || whole === undefined) return { manifests: [], problems: [] };
  const items = itemsOf(whole);
  const bad = items.find(({ value }) => typeof value !== "object" || value === null || Array.isArray(value));
  const lineOf = (at: string) => lineAt(offsetOf(document.contents, pathParts(at)));
  if (bad) {
    const message = "is no document: an object with apiVersion, kind and metadata is";
    return { manifests: [], problems: [{ file, line: lineOf(bad.at), message }] };
  }
  const manifests = items.map(({ value, at }) => ({
    ...{ file, document: value as DocumentObject },
    lineOf: (path: string) => lineOf([at, path].filter(Boolean).join(".")),
  }));
  return { manifests, problems: [] };
}

/** What `kubectl get -o yaml` writes holds others. */
function itemsOf(whole: unknown): { value: unknown; at: string }[] {
  const { kind, items } = (typeof whole === "object" ? whole : {}) as { kind?: unknown; items?: unknown };
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items))
    return [{ value: whole, at: "" }];
  return items.map((value, i) => ({ value, at: `items[${i}]` }));
}

/** `spec.ingress[0]`, `metadata.labels[a.b/c]`: a name in brackets that isn't a list's place is a key. */
const pathParts = (at: string): string[] =>
  [...at.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, inBrackets, plain]) => inBrackets ?? plain ?? "");

/** Where the last field that is there begins. */
function offsetOf(root: Node | null, parts: readonly string[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of parts) {
    const found = stepInto(node, part);
    if (!found) return offset;
    offset = found.offset;
    node = found.value;
  }
  return offset;
}

function stepInto(node: unknown, part: string): { offset: number; value: unknown } | undefined {
  if (isSeq(node)) {
    const value = node.items[Number(part)] as Node | undefined;
    return value && { offset: value.range?.[0] ?? 0, value };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
  return pair && { offset: (pair.key as Node).range?.[0] ?? 0, value: pair.value };
}
