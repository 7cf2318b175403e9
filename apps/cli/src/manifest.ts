/**
 * Manifests: files of YAML or JSON with any number of documents, and where in a file each field stands. What the documents
 * mean is the server's to say.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { DocumentObject } from "@millrace/contract/document";
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { UsageError } from "./failure.ts";

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
const STDIN = 0;

/** Each name a file, a directory (its own YAML and JSON files, by name), or "-". */
export function readSources(names: readonly string[]): Source[] {
  return names.flatMap((name) => {
    if (name === "-") return [{ name: "stdin", text: readFileSync(STDIN, "utf8") }];
    try {
      return filesOf(name).map((file) => ({ name: file, text: readFileSync(file, "utf8") }));
    } catch (error) {
      throw new UsageError(`${name}: ${(error as Error).message}`);
    }
  });
}

function filesOf(name: string): string[] {
  if (!statSync(name).isDirectory()) return [name];
  const files = readdirSync(name).filter((file) => /\.(ya?ml|json)$/.test(file));
  if (files.length === 0) throw new UsageError(`${name}: holds no .yaml, .yml or .json file`);
  return files.sort().map((file) => path.join(name, file));
}

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
