import "../testing/environment.ts";
import { isAtLeast, ROLES, type Role } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { createContext } from "../context.ts";
import { closeDatabase, pool, prisma, useDatabase } from "../db.ts";
import { makePeople } from "../testing/people.ts";
import { setUserRole } from "../user/service.ts";
import { createToken, listTokens, revokeToken } from "./service.ts";

const database = testDatabase();
let people: Record<Role, Me>;
beforeAll(async () => {
  await useDatabase(database.url);
  people = await makePeople();
});
afterAll(closeDatabase);

const make = (me: Me, role: Role) => createToken({ name: "t", role, expiresInDays: 1 }, me);
const contextOf = (token: string) =>
  createContext({ headers: new Headers({ authorization: `Bearer ${token}` }) });

test.each(ROLES.flatMap((owner) => ROLES.map((role) => [owner, role] as const)))(
  "of %s's tokens one as %s is made only when he may as much himself",
  async (owner, role) => {
    const making = make(people[owner], role);
    if (!isAtLeast(owner, role)) return expect(making).rejects.toMatchObject({ code: "FORBIDDEN" });
    const { me } = await contextOf((await making).token);
    expect(me).toMatchObject({ email: people[owner].email, role, via: "token" });
  },
);

test("a token may never more than its owner may now", async () => {
  const { token } = await make(people.operator, "operator");
  await setUserRole(people.operator.id, "viewer", people.admin);
  expect((await contextOf(token)).me?.role).toBe("viewer");
  await setUserRole(people.operator.id, "admin", people.admin);
  expect((await contextOf(token)).me?.role).toBe("operator");
});

test("a token that was revoked, has expired, or never was is refused with a reason", async () => {
  const revoked = await make(people.viewer, "viewer");
  await revokeToken(revoked.view.id, people.viewer);
  const expired = await make(people.viewer, "viewer");
  await pool().query("update api_tokens set expires_at = now() - interval '1 s' where id = $1", [
    expired.view.id,
  ]);
  for (const token of [revoked.token, expired.token, `mrt_${"x".repeat(43)}`, "other_kind_of_token_123"]) {
    const { me, refusal } = await contextOf(token);
    expect(me).toBeNull();
    expect(refusal).toMatchObject({ code: "UNAUTHENTICATED" });
  }
});

test("a token makes no tokens", async () => {
  const { me } = await contextOf((await make(people.admin, "admin")).token);
  await expect(make(me as Me, "viewer")).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("one sees and revokes one's own; an admin everybody's", async () => {
  const { view } = await make(people["on-call"], "viewer");
  expect((await listTokens(people.viewer)).map((t) => t.owner)).not.toContain("on-call@example.org");
  expect((await listTokens(people.admin)).map((t) => t.owner)).toContain("on-call@example.org");
  await expect(revokeToken(view.id, people.viewer)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await revokeToken(view.id, people.admin);
  expect((await listTokens(people["on-call"])).map((t) => t.id)).not.toContain(view.id);
});

test("only the hash of a token is kept, and when it was last used", async () => {
  const { token, view } = await make(people.viewer, "viewer");
  await contextOf(token);
  const { rows } = await pool().query("select * from api_tokens where id = $1", [view.id]);
  expect(JSON.stringify(rows)).not.toContain(token);
  expect(rows[0].last_used_at).not.toBeNull();
});

test("an owner who is removed takes his tokens along", async () => {
  const { token } = await make(people["on-call"], "viewer");
  await prisma().user.delete({ where: { id: people["on-call"].id } });
  expect((await contextOf(token)).me).toBeNull();
});
