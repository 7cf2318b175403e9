/** documents and document_changes. What stands in a document is its kind's to know; virtual addresses are service/'s. */
import type {
  DocumentKind,
  DocumentName,
  DocumentView,
  ListDocumentsInput,
} from "@millrace/contract/document";
import type { Author, Transaction } from "../audit/service.ts";
import { pool, prisma } from "../db.ts";
import { DOCUMENT_VIEW } from "../document-sql.ts";
import { ADDRESSES, type HeldNodePort, NODE_PORTS } from "../service-sql.ts";
import type { Planned, Standing } from "./plan.ts";
import type { Json } from "./read.ts";

/** A large apply is a few statements, and each of its services looks for an address. */
const TIMEOUT_MS = 25_000;
export const transact = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  prisma().$transaction(work, { timeout: TIMEOUT_MS, maxWait: 10_000 });

/** Until the transaction's end nobody else changes documents: revisions rise in the order in which changes become visible. */
export async function asOnlyWriter(tx: Transaction): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(7318004)`;
}

const named = (names: readonly DocumentName[]): string =>
  JSON.stringify(names.map(({ kind, namespace, name }) => ({ kind, namespace, name })));

export const findByNames = (tx: Transaction, names: readonly DocumentName[]): Promise<Standing[]> =>
  tx.$queryRaw`
    select d.id, d.kind, d.namespace, d.name, d.scope, d.number, d.given, d.reading, d.revision::float8 as revision,
      d.changed_by as "changedBy"
    from jsonb_to_recordset(${named(names)}::jsonb) asked(kind text, namespace text, name text)
    join documents d on d.kind = asked.kind and d.namespace = asked.namespace and d.name = asked.name`;

export async function nextRevision(tx: Transaction): Promise<number> {
  const [row] = await tx.$queryRaw<{ revision: number }[]>`
    select nextval('document_revision_seq')::float8 as revision`;
  return (row as { revision: number }).revision;
}

export type Written = DocumentName & { id: number; number: number | null };
/** Documents that differ from what stands there. A policy that is there already keeps its number. */
export const write = (
  tx: Transaction,
  planned: readonly Planned[],
  revision: number,
  author: Author,
): Promise<Written[]> => {
  const rows = planned.map(({ kind, namespace, name, scope, given, reading, before }, nth) => ({
    ...{ kind, namespace, name, scope, given, reading, nth },
    isNewPolicy: (kind === "Policy" || kind === "NetworkPolicy") && before === null,
  }));
  return tx.$queryRaw`
    insert into documents (kind, namespace, name, scope, number, given, reading, revision, changed_by)
    select r.kind, r.namespace, r.name, r.scope,
      case when r."isNewPolicy" then nextval('policy_number_seq') end, r.given, r.reading, ${revision}::bigint,
      ${author.email}
    from (select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) one(kind text, namespace text, name text,
      scope text, "isNewPolicy" boolean, given jsonb, reading jsonb, nth int) order by nth) r
    on conflict (kind, namespace, name) do update set scope = excluded.scope, given = excluded.given,
      reading = excluded.reading, revision = excluded.revision, changed_by = excluded.changed_by, changed_at = now()
    returning id, kind, namespace, name, number`;
};

export async function remove(tx: Transaction, ids: readonly number[]): Promise<void> {
  await tx.$executeRaw`delete from documents where id = any(${[...ids]}::int[])`;
}

export type Noted = DocumentName & {
  what: "created" | "changed" | "deleted";
  number: number | null;
  given: Json | null;
};
export async function noteChanges(
  tx: Transaction,
  changes: readonly Noted[],
  revision: number,
  author: Author,
): Promise<void> {
  await tx.$executeRaw`
    insert into document_changes (revision, kind, namespace, name, number, what, given, author, via)
    select ${revision}::bigint, r.kind, r.namespace, r.name, r.number, r.what, r.given, ${author.email}, ${author.via}
    from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb)
      r(kind text, namespace text, name text, number int, what text, given jsonb)`;
}

export async function countPolicies(tx: Transaction): Promise<number> {
  return tx.document.count({ where: { kind: { in: ["Policy", "NetworkPolicy"] } } });
}

type WholeRow = DocumentView & { given: Json; addresses: string[]; nodePorts: HeldNodePort[] };
export async function list({ kind, namespace }: ListDocumentsInput, limit: number): Promise<DocumentView[]> {
  const { rows } = await pool().query<DocumentView>(
    `select ${DOCUMENT_VIEW} from documents d where ($1::text is null or d.kind = $1) and ($2::text is null or d.namespace = $2)
     order by d.kind, d.namespace, d.name limit $3`,
    [kind ?? null, namespace ?? null, limit],
  );
  return rows;
}

export async function find(
  kind: DocumentKind,
  namespace: string,
  name: string,
): Promise<WholeRow | undefined> {
  const { rows } = await pool().query<WholeRow>(
    `select ${DOCUMENT_VIEW}, d.given, ${ADDRESSES} as addresses, ${NODE_PORTS} as "nodePorts"
     from documents d where d.kind = $1 and d.namespace = $2 and d.name = $3`,
    [kind, namespace, name],
  );
  return rows[0];
}
