/** audit_entries: appended to and read, never changed (a trigger refuses it). */
import { prisma } from "../db.ts";
import type { Prisma } from "../generated/prisma/client.ts";

/** One database transaction as Prisma gives it; other nouns' repos take it as their first argument. */
export type Transaction = Prisma.TransactionClient;

export type NewEntry = {
  author: string;
  via: string;
  action: string;
  target: string;
  detail: Record<string, unknown>;
  outcome: "done" | "refused" | "failed";
};

/** The work and what it returns; an error rolls everything back. */
export const transact = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  prisma().$transaction(work, { timeout: 15_000, maxWait: 5000 });

export async function insertEntry(entry: NewEntry, tx: Transaction = prisma()): Promise<void> {
  const detail = entry.detail as Prisma.InputJsonObject;
  await tx.auditEntry.create({ data: { ...entry, detail }, select: { id: true } });
}

export type EntryQuery = { author?: string; action?: string; before?: bigint; limit: number };

export const findEntries = (query: EntryQuery) =>
  prisma().auditEntry.findMany({
    where: {
      ...(query.author && { author: query.author }),
      ...(query.action && { action: { startsWith: query.action } }),
      ...(query.before !== undefined && { id: { lt: query.before } }),
    },
    orderBy: { id: "desc" },
    take: query.limit,
  });
