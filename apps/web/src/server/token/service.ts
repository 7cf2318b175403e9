/**
 * Personal API tokens. A token never may more than its owner may now, and makes no further tokens, so that a
 * leaked one ends with its expiry. Enrolment of agents is in enrol.ts.
 */
import { AppError } from "@millrace/contract/error";
import { isAtLeast, ROLES, type Role } from "@millrace/contract/role";
import type { CreateTokenInput, Me, TokenView } from "@millrace/contract/setting";
import type { z } from "zod";
import { change } from "../audit/service.ts";
import { systemClock } from "../clock.ts";
import { hashSecret, newSecret, PERSONAL_TOKEN } from "../secret.ts";
import * as repo from "./repo.ts";

const DAY_MS = 86_400_000;
const MOST_PER_USER = 100;

export async function listTokens(me: Me): Promise<TokenView[]> {
  return (await repo.findTokens(me.role === "admin" ? null : me.id)).map(view);
}

export async function createToken(
  input: z.infer<typeof CreateTokenInput>,
  me: Me,
): Promise<{ token: string; view: TokenView }> {
  refuseTooMuch(input.role, me);
  const now = systemClock.now();
  const token = newSecret(PERSONAL_TOKEN);
  const detail = { role: input.role, expiresInDays: input.expiresInDays };
  const row = await change(
    { author: me, action: "tokens.create", target: input.name, detail },
    async (tx) => {
      if ((await repo.countTokens(tx, me.id, new Date(now))) >= MOST_PER_USER)
        throw refused("CONFLICT", `You have ${MOST_PER_USER} tokens already: revoke one first`);
      return repo.insertToken(tx, {
        name: input.name,
        role: input.role,
        hash: hashSecret(token),
        userId: me.id,
        expiresAt: new Date(now + input.expiresInDays * DAY_MS),
      });
    },
  );
  return { token, view: view(row) };
}

function refuseTooMuch(role: Role, me: Me): void {
  if (me.via === "token") throw refused("FORBIDDEN", "A token can't make tokens: sign in");
  if (!isAtLeast(me.role, role))
    throw refused("FORBIDDEN", `Your role is ${me.role}: a token can't be ${role}`);
}
const refused = (code: "CONFLICT" | "FORBIDDEN" | "NOT_FOUND", why: string): AppError =>
  new AppError(code, why, { publicMessage: why });

export async function revokeToken(id: string, me: Me): Promise<{ id: string }> {
  const owner = me.role === "admin" ? null : me.id;
  await change({ author: me, action: "tokens.revoke", target: id }, async (tx) => {
    if (!(await repo.revokeToken(tx, id, owner, new Date(systemClock.now()))))
      throw refused("NOT_FOUND", "There is no such token, or it is revoked already");
  });
  return { id };
}

/** Who the token speaks for, or undefined when it isn't good. */
export async function ownerOfToken(token: string): Promise<Me | undefined> {
  const now = new Date(systemClock.now());
  const row = await repo.findByHash(hashSecret(token));
  if (!row || row.revokedAt || row.expiresAt <= now) return undefined;
  await repo.touch(row.id, now);
  const { id, email, name } = row.user;
  return { id, email, name, role: lesser(row.role as Role, row.user.role as Role), via: "token" };
}
/** An unknown role is less than any. */
const lesser = (a: Role, b: Role): Role =>
  ROLES[Math.max(0, Math.min(ROLES.indexOf(a), ROLES.indexOf(b)))] as Role;

const view = (row: repo.TokenRow): TokenView => ({
  id: row.id,
  name: row.name,
  role: row.role as Role,
  owner: row.user.email,
  createdAtMs: row.createdAt.getTime(),
  expiresAtMs: row.expiresAt.getTime(),
  lastUsedMs: row.lastUsedAt?.getTime() ?? null,
});
