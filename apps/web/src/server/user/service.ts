/** Accounts and their roles. Signing in is better-auth's (auth.ts); there is always an admin left. */
import { AppError } from "@millrace/contract/error";
import type { Role } from "@millrace/contract/role";
import type { CreateUserInput, Me, UserView } from "@millrace/contract/setting";
import { hashPassword } from "better-auth/crypto";
import type { z } from "zod";
import { type Author, change, type Transaction } from "../audit/service.ts";
import { systemClock } from "../clock.ts";
import * as repo from "./repo.ts";

export const listUsers = async (): Promise<UserView[]> => (await repo.findUsers()).map(view);

export async function createUser(input: z.infer<typeof CreateUserInput>, author: Author): Promise<UserView> {
  refuseTokens(author);
  const email = input.email.toLowerCase();
  const passwordHash = await hashPassword(input.password);
  const what = { author, action: "users.create", target: email, detail: { role: input.role } };
  const row = await change(what, async (tx) => {
    const made = await repo.insertUser(tx, { email, name: input.name, role: input.role, passwordHash });
    if (!made) throw refused("CONFLICT", `There is an account for ${email} already`);
    return made;
  });
  return view(row);
}

export async function setUserRole(id: string, role: Role, me: Me): Promise<UserView> {
  refuseTokens(me);
  const detail: Record<string, unknown> = { role };
  const row = await change({ author: me, action: "users.setRole", target: id, detail }, async (tx) => {
    const before = await existing(tx, id);
    if (role !== "admin") await keepAnAdmin(tx, id);
    Object.assign(detail, { email: before.email, from: before.role });
    return repo.updateRole(tx, id, role);
  });
  return view(row);
}

export async function removeUser(id: string, me: Me): Promise<{ id: string }> {
  if (id === me.id) throw refused("CONFLICT", "You can't remove the account you are signed in with");
  const detail: Record<string, unknown> = {};
  await change({ author: me, action: "users.remove", target: id, detail }, async (tx) => {
    const { email, role } = await existing(tx, id);
    await keepAnAdmin(tx, id);
    Object.assign(detail, { email, role });
    await repo.deleteUser(tx, id);
  });
  return { id };
}

async function existing(tx: Transaction, id: string): Promise<repo.UserRow> {
  const user = await repo.findUser(tx, { id });
  if (!user) throw refused("NOT_FOUND", "There is no such account");
  return user;
}

async function keepAnAdmin(tx: Transaction, leaving: string): Promise<void> {
  const admins = await repo.lockAdmins(tx);
  if (admins.length === 1 && admins[0] === leaving)
    throw refused("CONFLICT", "This is the last admin: make another one first");
}

/** A leaked token ends with its expiry: it makes nobody who stays after it. */
function refuseTokens(author: Author): void {
  if (author.via === "token") throw refused("FORBIDDEN", "A token can't make accounts or admins: sign in");
}

const refused = (code: "CONFLICT" | "FORBIDDEN" | "NOT_FOUND", why: string): AppError =>
  new AppError(code, why, { publicMessage: why });

/** The first admin of an empty installation; undefined when there is any account already. */
export async function createFirstAdmin(email: string, password: string, author: Author): Promise<boolean> {
  if ((await repo.findUsers()).length > 0) return false;
  await createUser({ email, name: "Admin", password, role: "admin" }, author);
  return true;
}

export async function resetPassword(email: string, password: string, author: Author): Promise<void> {
  const passwordHash = await hashPassword(password);
  await change({ author, action: "users.resetPassword", target: email }, async (tx) => {
    const user = await repo.findUser(tx, { email: email.toLowerCase() });
    if (!user) throw refused("NOT_FOUND", `There is no account for ${email}`);
    await repo.replacePassword(tx, user.id, passwordHash);
  });
}

/** Keeps when its owner was last here, to the minute. */
export async function touchSession(session: { id: string; updatedAt: Date }): Promise<void> {
  const now = systemClock.now();
  if (now - session.updatedAt.getTime() > 60_000) await repo.touchSession(session.id, new Date(now));
}

const view = (row: repo.UserRow): UserView => ({
  id: row.id,
  email: row.email,
  name: row.name,
  role: row.role as Role,
  createdAtMs: row.createdAt.getTime(),
  lastSeenMs: row.sessions[0]?.updatedAt.getTime() ?? null,
});
