/**
 * Documents as operators apply them: all of a list or none, the same twice changes nothing, and every change has its
 * revision, its author and its place in the history. What they mean is policy/'s and service/'s, which tell the hosts.
 */
import {
  type DeleteDocumentsInput,
  type DeletedDocuments,
  DOCUMENT_LIMITS,
  type DocumentName,
  type DocumentProblem,
  type DocumentsInput,
  type DocumentsOutput,
  type DocumentView,
  documentText,
  type ListDocumentsInput,
  REVISION_ANNOTATION,
  type WholeDocumentView,
} from "@millrace/contract/document";
import { AppError } from "@millrace/contract/error";
import { POLICY_LIMITS } from "@millrace/contract/policy";
import { protocolName } from "@millrace/contract/verdict";
import type { ServiceReading } from "@millrace/policy/service-document";
import { type Author, note, type Transaction } from "../audit/service.ts";
import { type Given, give, heldBy, lockServices, planServices } from "../service/service.ts";
import type { HeldNodePort } from "../service-sql.ts";
import { type Affected, affected, tellAffected } from "./affected.ts";
import { keyOf, type Planned, planDocuments, type Standing, staleOnes, twice } from "./plan.ts";
import { type Json, type ReadDocument, readDocument } from "./read.ts";
import * as repo from "./repo.ts";

export type { ReadDocument } from "./read.ts";

const refused = (code: "CONFLICT" | "NOT_FOUND", why: string): AppError =>
  new AppError(code, why, { publicMessage: why });

type Plan = { planned: Planned[]; given: Map<Planned, Given>; problems: DocumentProblem[] };

/** What an apply would do now, and what is wrong with it. Nothing is written. */
export async function check({ documents }: DocumentsInput): Promise<DocumentsOutput> {
  const { read, problems } = readAll(documents);
  if (problems.length > 0) return { ok: false, problems };
  const plan = await repo.transact((tx) => planOf(tx, read));
  if (plan.problems.length > 0) return { ok: false, problems: plan.problems };
  const said = plan.planned.map(({ kind, namespace, name, what }) => ({
    ...{ kind, namespace, name, what, revision: null },
  }));
  return { ok: true, documents: said };
}

export async function apply({ documents }: DocumentsInput, author: Author): Promise<DocumentsOutput> {
  const { read, problems } = readAll(documents);
  if (problems.length > 0) return { ok: false, problems };
  const done = await repo.transact(async (tx) => {
    await repo.asOnlyWriter(tx);
    if (read.some(({ kind }) => kind === "Service")) await lockServices(tx);
    const plan = await planOf(tx, read);
    return plan.problems.length > 0 ? { problems: plan.problems } : await carryOut(tx, plan, author);
  });
  if ("problems" in done) return { ok: false, problems: done.problems };
  await tellAffected(done.affected);
  return { ok: true, documents: done.documents };
}

/** Every problem of every document at once; `read` is whole when there is none. */
export function readAll(documents: readonly Json[]): { read: ReadDocument[]; problems: DocumentProblem[] } {
  const readings = documents.map(readDocument);
  const problems = readings.flatMap((reading, document) =>
    reading.ok ? [] : reading.problems.map((problem) => ({ document, ...problem })),
  );
  const read = readings.flatMap((reading) => (reading.ok ? [reading.value] : []));
  if (problems.length > 0) return { read, problems };
  return {
    read,
    problems: twice(read).map(({ at, first }) => ({
      ...{ document: at, path: "metadata.name" },
      message: `${documentText(read[at] as ReadDocument)} is there twice: it is document ${first + 1} too`,
    })),
  };
}

async function planOf(tx: Transaction, read: readonly ReadDocument[]): Promise<Plan> {
  const planned = planDocuments(read, await repo.findByNames(tx, read));
  const stale = staleOnes(planned);
  if (stale.length > 0) throw refused("CONFLICT", stale.join("; "));
  const services = planned.filter((one) => one.kind === "Service" && one.what !== "unchanged");
  const plans = await planServices(
    tx,
    services.map(({ before, namespace, name, reading }) => ({
      ...{ documentId: before?.id ?? null, namespace, name, reading: reading as ServiceReading },
    })),
  );
  const given = new Map(services.map((service, i) => [service, plans[i] as Given]));
  const problems = [...given].flatMap(([service, { problems }]) =>
    problems.map((problem) => ({ document: planned.indexOf(service), ...problem })),
  );
  return { planned, given, problems: [...problems, ...(await tooMany(tx, planned))] };
}

async function tooMany(tx: Transaction, planned: readonly Planned[]): Promise<DocumentProblem[]> {
  const isNewPolicy = ({ kind, what }: Planned) =>
    (kind === "Policy" || kind === "NetworkPolicy") && what === "created";
  const more = planned.filter(isNewPolicy).length;
  if (more === 0 || (await repo.countPolicies(tx)) + more <= POLICY_LIMITS.policies) return [];
  const message = `there would be more than ${POLICY_LIMITS.policies} policies, the most there may be`;
  return [{ document: planned.findIndex(isNewPolicy), path: "", message }];
}

type Done = Extract<DocumentsOutput, { ok: true }> & { affected: Affected };
async function carryOut(tx: Transaction, { planned, given }: Plan, author: Author): Promise<Done> {
  const changing = planned.filter(({ what }) => what !== "unchanged");
  const revision = changing.length > 0 ? await repo.nextRevision(tx) : 0;
  const documents = planned.map(({ kind, namespace, name, what, before }) => ({
    ...{ kind, namespace, name, what },
    revision: what === "unchanged" ? (before?.revision ?? null) : revision,
  }));
  if (changing.length === 0) return { ok: true, documents, affected: affected([], [], []) };
  const idsBefore = [...given.keys()].flatMap(({ before }) => before?.id ?? []);
  const heldBefore = await heldBy(tx, idsBefore);
  const written = new Map((await repo.write(tx, changing, revision, author)).map((row) => [keyOf(row), row]));
  const rowOf = (document: DocumentName) => written.get(keyOf(document)) as repo.Written;
  await give(
    tx,
    [...given].map(([service, held]) => ({ documentId: rowOf(service).id, ...held })),
  );
  await repo.noteChanges(
    tx,
    changing.map((one) => ({ ...noted(one, rowOf(one).number), what: one.what as "created" | "changed" })),
    revision,
    author,
  );
  await audit(tx, "documents.applyAll", author, changing, revision);
  const before = changing.flatMap((one) => one.before ?? []);
  return { ok: true, documents, affected: affected(before, changing, [heldBefore, ...given.values()]) };
}

const noted = ({ kind, namespace, name, given }: DocumentName & { given: Json }, number: number | null) => ({
  ...{ kind, namespace, name, given, number },
});

/** Those that aren't there are said to be absent; if none is, that is an error. */
export async function remove(
  { documents: names }: DeleteDocumentsInput,
  author: Author,
): Promise<DeletedDocuments> {
  const { documents, affected: touched } = await repo.transact(async (tx) => {
    await repo.asOnlyWriter(tx);
    const standing = await repo.findByNames(tx, names);
    if (standing.length === 0)
      throw refused("NOT_FOUND", `there is no ${names.map(documentText).join(", no ").slice(0, 500)}`);
    const ids = standing.map(({ id }) => id);
    const held = await heldBy(tx, ids);
    const revision = await repo.nextRevision(tx);
    await repo.remove(tx, ids);
    const gone = standing.map((one) => ({
      ...noted(one, one.number),
      what: "deleted" as const,
      given: null,
    }));
    await repo.noteChanges(tx, gone, revision, author);
    await audit(tx, "documents.delete", author, gone, revision);
    return { documents: toldGone(names, standing), affected: affected(standing, [], [held]) };
  });
  await tellAffected(touched);
  return { documents };
}

function toldGone(
  names: readonly DocumentName[],
  standing: readonly Standing[],
): DeletedDocuments["documents"] {
  const there = new Set(standing.map(keyOf));
  return names.map((one) => ({ ...one, what: there.has(keyOf(one)) ? "deleted" : "absent" }));
}

/** What changed in each is in the history, under the revision. */
function audit(
  tx: Transaction,
  action: string,
  author: Author,
  changes: readonly (DocumentName & { what: string })[],
  revision: number,
): Promise<void> {
  const detail: Record<string, unknown> = { revision };
  for (const what of ["created", "changed", "deleted"]) {
    const those = changes.filter((one) => one.what === what).map(documentText);
    if (those.length > 0) detail[what] = those;
  }
  const [first] = changes;
  const target = first && changes.length === 1 ? documentText(first) : `${changes.length} documents`;
  return note({ author, action, target, detail }, "done", tx);
}

/** Whole, or not at all: nobody should take a part for everything. */
export async function list(input: ListDocumentsInput): Promise<DocumentView[]> {
  const found = await repo.list(input, DOCUMENT_LIMITS.listed + 1);
  if (found.length <= DOCUMENT_LIMITS.listed) return found;
  const why = `there are more than ${DOCUMENT_LIMITS.listed} documents: name a kind and a namespace`;
  throw new AppError("TOO_LARGE", why, { publicMessage: why });
}

export async function get({ kind, namespace, name }: DocumentName): Promise<WholeDocumentView> {
  const found = await repo.find(kind, namespace, name);
  if (!found) throw refused("NOT_FOUND", `there is no ${documentText({ kind, namespace, name })}`);
  const { given, addresses, nodePorts, ...view } = found;
  const metadata = given.metadata as Json & { annotations?: Json };
  const annotations = { ...metadata.annotations, [REVISION_ANNOTATION]: String(view.revision) };
  const status = {
    ...(view.number === null ? {} : { number: view.number }),
    ...(kind === "Service" ? { addresses } : {}),
    ...(nodePorts.length > 0 ? { nodePorts: nodePorts.map(statusOf) } : {}),
  };
  const document = {
    ...given,
    metadata: { ...metadata, annotations },
    ...(Object.keys(status).length > 0 ? { status } : {}),
  };
  return { ...view, document };
}

/** In the words of the document's own ports. */
const statusOf = ({ protocol, port, servicePort }: HeldNodePort) => ({
  ...{ protocol: protocolName(protocol), port: servicePort, nodePort: port },
});
