import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../tools/testing/test-database.ts";
import { listEntries } from "./audit/service.ts";
import { auth } from "./auth.ts";
import { CLIENT_ADDRESS } from "./client-address.ts";
import { createContext } from "./context.ts";
import { closeDatabase, pool, prisma, useDatabase } from "./db.ts";
import { callerFor } from "./root.ts";
import { runSetup } from "./setup/command.ts";
import { MOST_TRIES } from "./sign-in-tries.ts";
import { ORIGIN } from "./testing/environment.ts";
import { cookieOf, makePeople, PASSWORD, signIn } from "./testing/people.ts";

const database = testDatabase();
beforeAll(async () => {
  await useDatabase(database.url);
});
afterAll(closeDatabase);

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  auth().handler(
    new Request(`${ORIGIN}/api/auth${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: ORIGIN, ...headers },
      body: JSON.stringify(body),
    }),
  );
const lastEntries = async (limit: number) =>
  (await listEntries({ limit })).entries.map((e) => `${e.author} ${e.via} ${e.action} ${e.outcome}`);

describe("the first start", () => {
  test("makes one admin, says the password once, and never again", async () => {
    const first = (await runSetup([])) as { firstSignIn: { email: string; password: string } };
    expect(first.firstSignIn.email).toBe("admin@millrace.local");
    expect((await signIn(first.firstSignIn.email, first.firstSignIn.password)).status).toBe(200);
    expect(await runSetup([])).toEqual({ firstSignIn: null });
  });

  test("reset-password ends the sessions and gives a password that works", async () => {
    const reset = (await runSetup(["reset-password", "--email", "admin@millrace.local"])) as {
      password: string;
    };
    expect(await prisma().session.count()).toBe(0);
    expect((await signIn("admin@millrace.local", reset.password)).status).toBe(200);
  });

  test("enrol gives a token of which only the hash is kept", async () => {
    const { token } = (await runSetup(["enrol", "--host", "h1"])) as { token: string };
    const { rows } = await pool().query("select * from enrol_tokens");
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(rows[0].host_name).toBe("h1");
  });

  test("a misspelt command names those there are", async () => {
    await expect(runSetup(["enroll"])).rejects.toThrow(
      /no command “enroll”: use enrol, reset-password or pool/,
    );
  });
});

describe("signing in", () => {
  beforeAll(async () => {
    await makePeople();
  });

  test("gives a session whose owner and role the API knows", async () => {
    const cookie = cookieOf(await signIn("operator@example.org"));
    const context = await createContext({ headers: new Headers({ cookie }) });
    expect(await callerFor(context).session.me()).toMatchObject({
      email: "operator@example.org",
      role: "operator",
      via: "session",
    });
  });

  test("sets a cookie that scripts can't read", async () => {
    const [cookie] = (await signIn("viewer@example.org")).headers.getSetCookie();
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
  });

  test("is audited, done or refused", async () => {
    await signIn("viewer@example.org");
    expect(await lastEntries(1)).toEqual(["viewer@example.org password session.signIn done"]);
    expect((await signIn("viewer@example.org", "a wrong password")).status).toBe(401);
    expect(await lastEntries(1)).toEqual(["viewer@example.org password session.signIn refused"]);
  });

  test("and out again is audited and ends the session", async () => {
    const cookie = cookieOf(await signIn("viewer@example.org"));
    expect((await post("/sign-out", {}, { cookie })).status).toBe(200);
    expect(await lastEntries(1)).toEqual(["viewer@example.org session session.signOut done"]);
    expect((await createContext({ headers: new Headers({ cookie }) })).me).toBeNull();
  });

  test("nobody signs up, and nobody makes himself admin", async () => {
    const body = { email: "new@example.org", name: "n", password: PASSWORD, role: "admin" };
    expect((await post("/sign-up/email", body)).status).toBe(404);
    const cookie = cookieOf(await signIn("viewer@example.org"));
    expect((await post("/update-user", { role: "admin" }, { cookie })).status).toBe(404);
    expect(await prisma().user.count({ where: { email: "new@example.org" } })).toBe(0);
  });

  test("a new password needs twelve characters and the old one", async () => {
    const cookie = cookieOf(await signIn("on-call@example.org"));
    const change = (currentPassword: string, newPassword: string) =>
      post("/change-password", { currentPassword, newPassword, revokeOtherSessions: true }, { cookie });
    expect((await change(PASSWORD, "short")).status).toBe(400);
    expect((await change("not the old one", "a long enough one")).status).toBe(400);
    expect((await change(PASSWORD, "a long enough one")).status).toBe(200);
    expect(await lastEntries(1)).toEqual(["on-call@example.org session session.changePassword done"]);
  });

  test("is limited for one account from one address: others get in, and so does who knows the password elsewhere", async () => {
    const from = (address: string, email: string, password: string) =>
      signIn(email, password, { [CLIENT_ADDRESS]: address }).then((response) => response.status);
    const tried: number[] = [];
    for (let i = 0; i < 12; i++) tried.push(await from("192.0.2.1", "admin@example.org", "not the password"));
    expect(tried).toEqual([...Array(MOST_TRIES.fromOne).fill(401), 429, 429]);
    expect(await from("192.0.2.1", "ADMIN@example.org", PASSWORD)).toBe(429);
    expect(await from("192.0.2.1", "viewer@example.org", PASSWORD)).toBe(200);
    expect(await from("192.0.2.2", "admin@example.org", PASSWORD)).toBe(200);
  });

  test("whoever signs in again and again is not locked out", async () => {
    for (let i = 0; i < 2 * MOST_TRIES.fromOne; i++)
      expect((await signIn("viewer@example.org")).status).toBe(200);
  });

  test("is limited for one address over all accounts", async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 310; i++)
      statuses.add((await post("/sign-in/email", { email: `nobody${i}` })).status);
    expect(statuses).toContain(429);
    await prisma().rateLimit.deleteMany();
  });
});

describe("a request with our cookie", () => {
  const contextOf = async (method: string | undefined, headers: Record<string, string>) => {
    const cookie = cookieOf(await signIn("admin@example.org"));
    return createContext({ headers: new Headers({ cookie, ...headers }), ...(method && { method }) });
  };

  test.each([
    ["POST", { origin: ORIGIN }],
    ["POST", { "sec-fetch-site": "same-origin" }],
    ["POST", { origin: "http://localhost:3000" }],
    ["GET", {}],
    ["GET", { "sec-fetch-site": "none" }],
    [undefined, { "sec-fetch-site": "cross-site" }],
  ])("is ours: %s %o", async (method, headers) => {
    expect((await contextOf(method, headers as Record<string, string>)).me?.role).toBe("admin");
  });

  test.each([
    ["POST", {}],
    ["POST", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["POST", { origin: "http://127.0.0.1:3001", "sec-fetch-site": "same-site" }],
    ["GET", { "sec-fetch-site": "cross-site" }],
    ["GET", { origin: "https://evil.example" }],
  ])("is somebody else's page: %s %o", async (method, headers) => {
    const { me, refusal } = await contextOf(method, headers as Record<string, string>);
    expect(me).toBeNull();
    expect(refusal).toMatchObject({ code: "FORBIDDEN" });
  });
});
