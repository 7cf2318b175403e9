/** A document as people write it. Reading it back is manifest.ts's. */
import type { DocumentObject } from "@millrace/contract/document";
import { stringify } from "yaml";

/** jsonb keeps no order: what people look for first comes first. */
const FIRST = [
  "apiVersion",
  "kind",
  "metadata",
  "name",
  "namespace",
  "labels",
  "annotations",
  "spec",
  "status",
];
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const place = (key: string) => (FIRST.indexOf(key) + FIRST.length + 1) % (FIRST.length + 1);
  const entries = Object.entries(value).sort(([a], [b]) => place(a) - place(b));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]));
}

export const manifestText = (document: DocumentObject): string => stringify(inOrder(document));
