import "../testing/environment.ts";
import type { Role } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { createContext } from "../context.ts";
import { closeDatabase, useDatabase } from "../db.ts";
import { cookieOf, makePeople, signIn } from "../testing/people.ts";
import { createUser, listUsers, removeUser, setUserRole } from "./service.ts";

const database = testDatabase();
let people: Record<Role, Me>;
beforeAll(async () => {
  await useDatabase(database.url);
  people = await makePeople();
});
afterAll(closeDatabase);

const roleOf = async (cookie: string) => (await createContext({ headers: new Headers({ cookie }) })).me?.role;

test("a new role holds at once, for sessions that are open too", async () => {
  const cookie = cookieOf(await signIn("viewer@example.org"));
  await setUserRole(people.viewer.id, "operator", people.admin);
  expect(await roleOf(cookie)).toBe("operator");
});

test("a removed account's sessions end at once", async () => {
  const cookie = cookieOf(await signIn("on-call@example.org"));
  await removeUser(people["on-call"].id, people.admin);
  expect(await roleOf(cookie)).toBeUndefined();
});

test("there is always an admin left, also when two are removed at the same time", async () => {
  await expect(setUserRole(people.admin.id, "viewer", people.admin)).rejects.toMatchObject({
    code: "CONFLICT",
  });
  await expect(removeUser(people.admin.id, people.operator)).rejects.toMatchObject({ code: "CONFLICT" });
  await setUserRole(people.operator.id, "admin", people.admin);
  const both = await Promise.allSettled([
    setUserRole(people.admin.id, "viewer", people.admin),
    setUserRole(people.operator.id, "viewer", people.admin),
  ]);
  expect(both.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"]);
  expect((await listUsers()).filter((user) => user.role === "admin")).toHaveLength(1);
});

test("a token makes nobody who stays after it", async () => {
  const byToken = { ...people.operator, role: "admin", via: "token" } as const;
  const backdoor = {
    email: "me@evil.example",
    name: "n",
    password: "long enough it is",
    role: "admin",
  } as const;
  await expect(createUser(backdoor, byToken)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(setUserRole(people.viewer.id, "admin", byToken)).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("two who make the same account at once: one does, the other is told why not", async () => {
  const input = {
    email: "twin@example.org",
    name: "n",
    password: "long enough it is",
    role: "viewer",
  } as const;
  const both = await Promise.allSettled([
    createUser(input, people.operator),
    createUser(input, people.operator),
  ]);
  const failed = both.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  expect(failed).toMatchObject([{ code: "CONFLICT" }]);
});

test("nobody removes himself", async () => {
  await expect(removeUser(people.operator.id, people.operator)).rejects.toMatchObject({ code: "CONFLICT" });
});

test("an address has one account, however it is written", async () => {
  const again = {
    email: "Viewer@Example.org",
    name: "n",
    password: "long enough it is",
    role: "viewer" as const,
  };
  await expect(createUser(again, people.admin)).rejects.toMatchObject({ code: "CONFLICT" });
});
