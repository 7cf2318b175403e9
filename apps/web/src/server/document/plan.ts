/** What an apply changes: pure. Each document against what stands there under its name. */
import { isDeepStrictEqual } from "node:util";
import { type ChangedDocument, type DocumentName, documentText } from "@millrace/contract/document";
import type { Json, ReadDocument } from "./read.ts";

export type Standing = DocumentName & {
  id: number;
  scope: string;
  number: number | null;
  given: Json;
  reading: Json;
  revision: number;
  changedBy: string;
};
export type Planned = ReadDocument & { what: ChangedDocument["what"]; before: Standing | null };

export const keyOf = ({ kind, namespace, name }: DocumentName): string => `${kind} ${namespace}/${name}`;

export function planDocuments(read: readonly ReadDocument[], standing: readonly Standing[]): Planned[] {
  const byKey = new Map(standing.map((one) => [keyOf(one), one]));
  return read.map((document) => {
    const before = byKey.get(keyOf(document)) ?? null;
    return { ...document, before, what: whatOf(document, before) };
  });
}

/** A reading that differs although nothing else does is that of an older version of ours. */
function whatOf({ given, reading }: ReadDocument, before: Standing | null): ChangedDocument["what"] {
  if (!before) return "created";
  const isSame = isDeepStrictEqual(given, before.given) && isDeepStrictEqual(reading, before.reading);
  return isSame ? "unchanged" : "changed";
}

/** Documents that were changed since they were read, or removed: in words. */
export const staleOnes = (planned: readonly Planned[]): string[] =>
  planned.flatMap((document) => {
    const { fromRevision, before } = document;
    if (fromRevision === null || before?.revision === fromRevision) return [];
    const now = before ? `is at revision ${before.revision} by ${before.changedBy}` : "is not there any more";
    return [`${documentText(document)} ${now}, and this one was read at ${fromRevision}`];
  });

/** The same document twice: which of them would be meant? Places in the list. */
export function twice(read: readonly ReadDocument[]): { at: number; first: number }[] {
  const seen = new Map<string, number>();
  return read.flatMap((document, at) => {
    const first = seen.get(keyOf(document));
    if (first !== undefined) return [{ at, first }];
    seen.set(keyOf(document), at);
    return [];
  });
}
