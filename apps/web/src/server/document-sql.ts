/** A document's part of a view, as SQL, for those who show more of it. */

/** Of the row of documents with the alias d. */
export const DOCUMENT_VIEW = `d.kind, d.namespace, d.name, d.number, d.revision::float8 as revision,
  d.changed_by as "changedBy", extract(epoch from d.created_at)::float8 * 1000 as "createdAtMs",
  extract(epoch from d.changed_at)::float8 * 1000 as "changedAtMs"`;
