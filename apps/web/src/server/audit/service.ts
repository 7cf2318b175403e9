/**
 * Who did what. A change and its entry are one transaction (`change`); what was refused or failed is noted
 * after the fact. Secrets never come here: a detail is written by the service that made the change.
 */
import { AppError, ERROR_CODES } from "@millrace/contract/error";
import type { AuditEntry, AuditListInput, Me } from "@millrace/contract/setting";
import type { z } from "zod";
import { log } from "../log.ts";
import * as repo from "./repo.ts";

export type Transaction = repo.Transaction;
/** Whose doing it is: a person, by session or token, or one of our own processes. */
export type Author = { readonly email: string; readonly via: string };
export const SYSTEM: Author = { email: "millrace", via: "system" };

export type Change = {
  author: Author;
  action: string;
  target: string;
  detail?: Record<string, unknown>;
};

/** Does the work and writes its entry, both or neither. */
export function change<T>(what: Change, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return repo.transact(async (tx) => {
    const result = await work(tx);
    await note(what, "done", tx);
    return result;
  });
}

/** For what has no transaction of ours: signing in, and what didn't happen. */
export const note = (what: Change, outcome: repo.NewEntry["outcome"], tx?: Transaction): Promise<void> =>
  repo.insertEntry(
    {
      author: storable(what.author.email),
      via: what.author.via,
      action: what.action,
      target: storable(what.target),
      detail: what.detail ?? {},
      outcome,
    },
    tx,
  );

/** What strangers type as their name must not keep the attempt from being written down. */
const storable = (text: string): string => text.replaceAll("\0", "\ufffd");

/** A change that a signed-in caller tried and didn't get. Failing to note it must not hide the first error. */
export async function recordAttempt(
  me: Me | null,
  action: string,
  input: unknown,
  error: Error,
): Promise<void> {
  if (!me) return; // strangers could fill the table
  const cause = error.cause instanceof AppError ? error.cause : undefined;
  const failed = cause ? ERROR_CODES[cause.code].http >= 500 : !isRefusal(error);
  const detail = {
    code: cause?.code ?? (failed ? "INTERNAL" : "BAD_REQUEST"),
    why: cause?.publicMessage ?? "",
  };
  try {
    await note({ author: me, action, target: targetOf(input), detail }, failed ? "failed" : "refused");
  } catch (unnoted) {
    log().error({ err: unnoted, action, author: me.email }, "an attempt could not be audited");
  }
}

const isRefusal = (error: Error): boolean => (error as { code?: string }).code === "BAD_REQUEST";

/** What names the target in an input that may be anything: only from fields that are never secret. */
function targetOf(input: unknown): string {
  const fields = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
  const named = [fields.id, fields.email, fields.name, fields.host].find((v) => typeof v === "string");
  return typeof named === "string" ? named.slice(0, 200) : "";
}

type EntryPage = { entries: AuditEntry[]; nextCursor: string | null };

export async function listEntries(input: z.infer<typeof AuditListInput>): Promise<EntryPage> {
  if (input.cursor && !/^\d{1,18}$/.test(input.cursor))
    throw new AppError("BAD_REQUEST", "cursor is not one of ours");
  const found = await repo.findEntries({
    ...(input.author && { author: input.author }),
    ...(input.action && { action: input.action }),
    ...(input.cursor && { before: BigInt(input.cursor) }),
    limit: input.limit + 1,
  });
  const shown = found.slice(0, input.limit);
  const more = found.length > shown.length;
  return { entries: shown.map(entryView), nextCursor: more ? String(shown.at(-1)?.id) : null };
}

const entryView = (row: Awaited<ReturnType<typeof repo.findEntries>>[number]): AuditEntry => ({
  ...row,
  id: String(row.id),
  at: row.at.getTime(),
  detail: row.detail as Record<string, unknown>,
  outcome: row.outcome as AuditEntry["outcome"],
});
