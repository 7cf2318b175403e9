/** Accounts, in better-auth's tables: user, account (the password's hash), session. */
import { randomUUID } from "node:crypto";
import type { Transaction } from "../audit/service.ts";
import { prisma } from "../db.ts";

const VIEW = {
  id: true,
  email: true,
  name: true,
  role: true,
  createdAt: true,
  sessions: { select: { updatedAt: true }, orderBy: { updatedAt: "desc" }, take: 1 },
} as const;

export const findUsers = () => prisma().user.findMany({ select: VIEW, orderBy: { email: "asc" } });
export type UserRow = Awaited<ReturnType<typeof findUsers>>[number];

export const findUser = (tx: Transaction, where: { id: string } | { email: string }) =>
  tx.user.findUnique({ where, select: VIEW });

export type NewUser = { email: string; name: string; role: string; passwordHash: string };

/** The e-mail counts as verified: an admin vouches for it. Undefined when there is an account for it already. */
export async function insertUser(tx: Transaction, user: NewUser): Promise<UserRow | undefined> {
  const { passwordHash, ...rest } = user;
  const id = randomUUID();
  const account = { id: randomUUID(), accountId: id, providerId: "credential", password: passwordHash };
  const { count } = await tx.user.createMany({
    data: { ...rest, id, emailVerified: true },
    skipDuplicates: true, // whoever makes it at the same time is waited for
  });
  if (count === 0) return undefined;
  return tx.user.update({ where: { id }, data: { accounts: { create: account } }, select: VIEW });
}

export const updateRole = (tx: Transaction, id: string, role: string): Promise<UserRow> =>
  tx.user.update({ where: { id }, data: { role }, select: VIEW });

export async function deleteUser(tx: Transaction, id: string): Promise<void> {
  await tx.user.delete({ where: { id }, select: { id: true } });
}

/** Sets the password whether or not there was one, and ends the account's sessions. */
export async function replacePassword(tx: Transaction, id: string, passwordHash: string): Promise<void> {
  await tx.account.deleteMany({ where: { userId: id, providerId: "credential" } });
  await tx.account.create({
    data: { id: randomUUID(), accountId: id, providerId: "credential", userId: id, password: passwordHash },
  });
  await tx.session.deleteMany({ where: { userId: id } });
}

/** The admins, locked: two changes at once can't remove the last two of them. */
export async function lockAdmins(tx: Transaction): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`select id from "user" where role = 'admin' for update`;
  return rows.map((row) => row.id);
}

export async function touchSession(id: string, now: Date): Promise<void> {
  await prisma().session.updateMany({ where: { id }, data: { updatedAt: now } });
}
