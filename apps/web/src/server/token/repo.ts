/** api_tokens, enrol_tokens, and hosts as far as their credential goes. Only hashes of secrets are here. */

import type { Transaction } from "../audit/service.ts";
import { prisma } from "../db.ts";

const VIEW = {
  id: true,
  name: true,
  role: true,
  createdAt: true,
  expiresAt: true,
  lastUsedAt: true,
  user: { select: { id: true, email: true } },
} as const;

/** All of them, or one owner's. Revoked ones are gone for everybody but the audit. */
export const findTokens = (userId: string | null) =>
  prisma().apiToken.findMany({
    where: { revokedAt: null, ...(userId !== null && { userId }) },
    select: VIEW,
    orderBy: { createdAt: "desc" },
  });
export type TokenRow = Awaited<ReturnType<typeof findTokens>>[number];

export const countTokens = (tx: Transaction, userId: string, now: Date): Promise<number> =>
  tx.apiToken.count({ where: { userId, revokedAt: null, expiresAt: { gt: now } } });

export type NewToken = { name: string; role: string; hash: string; userId: string; expiresAt: Date };
export const insertToken = (tx: Transaction, token: NewToken): Promise<TokenRow> =>
  tx.apiToken.create({ data: token, select: VIEW });

/** False when there is no such token, or it isn't the owner's. */
export async function revokeToken(
  tx: Transaction,
  id: string,
  userId: string | null,
  at: Date,
): Promise<boolean> {
  const { count } = await tx.apiToken.updateMany({
    where: { id, revokedAt: null, ...(userId !== null && { userId }) },
    data: { revokedAt: at },
  });
  return count === 1;
}

export const findByHash = (hash: string) =>
  prisma().apiToken.findUnique({
    where: { hash },
    select: { id: true, role: true, expiresAt: true, revokedAt: true, lastUsedAt: true, user: true },
  });

/** At most one write a minute and token, however often it is used. */
export async function touch(id: string, now: Date): Promise<void> {
  const before = new Date(now.getTime() - 60_000);
  await prisma().apiToken.updateMany({
    where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: before } }] },
    data: { lastUsedAt: now },
  });
}

export type NewEnrolToken = { hash: string; hostName: string | null; createdBy: string; expiresAt: Date };
export async function insertEnrolToken(tx: Transaction, token: NewEnrolToken): Promise<void> {
  await tx.enrolToken.create({ data: token, select: { id: true } });
}

export const findAgents = () =>
  prisma().host.findMany({
    select: { name: true, enrolledAt: true, heartbeatAt: true, revokedAt: true },
    orderBy: { name: "asc" },
  });

/** The id of the host whose credential was good until now, or undefined. */
export async function revokeCredential(tx: Transaction, host: string, at: Date): Promise<number | undefined> {
  const [found] = await tx.host.updateManyAndReturn({
    where: { name: host, revokedAt: null },
    data: { revokedAt: at },
    select: { id: true },
  });
  if (found) await tx.$executeRaw`select pg_notify('millrace_agents', ${String(found.id)})`;
  return found?.id;
}
