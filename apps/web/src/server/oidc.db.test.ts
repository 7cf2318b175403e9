import "./testing/environment.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../tools/testing/test-database.ts";
import { GET, POST } from "../app/api/auth/[...all]/route.ts";
import { listEntries } from "./audit/service.ts";
import { createContext } from "./context.ts";
import { closeDatabase, prisma, useDatabase } from "./db.ts";
import { callerFor } from "./root.ts";
import { ORIGIN } from "./testing/environment.ts";
import {
  CLIENT,
  type IdentityProvider,
  type Person,
  startIdentityProvider,
} from "./testing/identity-provider.ts";
import { makePeople } from "./testing/people.ts";

const database = testDatabase();
let identities: IdentityProvider;

beforeAll(async () => {
  identities = await startIdentityProvider(`${ORIGIN}/api/auth/callback/oidc`);
  process.env.OIDC_DISCOVERY_URL = identities.discoveryUrl;
  process.env.OIDC_CLIENT_ID = CLIENT.id;
  process.env.OIDC_CLIENT_SECRET = CLIENT.secret;
  await useDatabase(database.url);
  await makePeople();
});
afterAll(async () => {
  await closeDatabase();
  await identities.close();
});

const person = (given: Partial<Person> & { sub: string }): Person => ({
  email: `${given.sub}@example.org`,
  email_verified: true,
  name: `The ${given.sub}`,
  ...given,
});

/** A browser as far as it matters: cookies by origin, redirects one by one. */
class Browser {
  readonly #jars = new Map<string, Map<string, string>>();

  cookies(origin = ORIGIN): string {
    return [...(this.#jars.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
  }
  async open(url: URL, init: { method?: string; body?: string; headers?: Record<string, string> } = {}) {
    const headers = { ...init.headers, cookie: this.cookies(url.origin) };
    const request = new Request(url, { ...init, headers, redirect: "manual" });
    const ours = init.method === "POST" ? POST : GET;
    const answer = await (url.origin === ORIGIN ? ours(request) : fetch(request));
    const jar = this.#jars.get(url.origin) ?? new Map<string, string>();
    this.#jars.set(url.origin, jar);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "" || /max-age=0/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }
  /** Where one ends up on our pages. */
  async follow(from: URL): Promise<string> {
    let at = from;
    for (let hops = 0; hops < 20; hops++) {
      if (at.origin === ORIGIN && !at.pathname.startsWith("/api/")) return at.pathname + at.search;
      const answer = await this.open(at);
      const location = answer.headers.get("location");
      if (!location) throw new Error(`${at} leads nowhere: ${answer.status} ${await answer.text()}`);
      at = new URL(location, at);
    }
    throw new Error("redirects without end");
  }
}

async function singleSignOn(who: Person | null, browser = new Browser()) {
  identities.speakAs(who);
  const body = { provider: "oidc", callbackURL: "/flows?q=x", errorCallbackURL: "/sign-in" };
  const answer = await browser.open(new URL("/api/auth/sign-in/social", ORIGIN), {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", origin: ORIGIN },
  });
  expect(answer.status).toBe(200);
  const { url } = (await answer.json()) as { url: string };
  const landed = await browser.follow(new URL(url));
  const context = await createContext({ headers: new Headers({ cookie: browser.cookies() }) });
  return { landed, context, browser };
}
const lastEntry = async () => {
  const [entry] = (await listEntries({ limit: 1 })).entries;
  return `${entry?.author} ${entry?.via} ${entry?.action} ${entry?.outcome}`;
};

test("who the provider knows and we don't comes in as a viewer, and it is audited", async () => {
  const { landed, context } = await singleSignOn(person({ sub: "stranger" }));
  expect(landed).toBe("/flows?q=x");
  expect(await callerFor(context).session.me()).toMatchObject({
    email: "stranger@example.org",
    name: "The stranger",
    role: "viewer",
    via: "session",
  });
  expect(await lastEntry()).toBe("stranger@example.org oidc session.signIn done");
});

test("who has an account here keeps its role when the provider vouches for the e-mail", async () => {
  const { context } = await singleSignOn(person({ sub: "op", email: "operator@example.org" }));
  expect(context.me).toMatchObject({ email: "operator@example.org", role: "operator" });
  expect(await prisma().user.count({ where: { email: "operator@example.org" } })).toBe(1);
});

test("an e-mail that the provider does not vouch for opens nobody's account", async () => {
  const thief = person({ sub: "thief", email: "admin@example.org", email_verified: false });
  const { landed, context } = await singleSignOn(thief);
  expect(landed).toMatch(/^\/sign-in\?error=/);
  expect(context.me).toBeNull();
  expect(await lastEntry()).toBe("unknown oidc session.signIn refused");
});

test("giving up at the provider leads back to the sign-in page, signed out", async () => {
  const { landed, context } = await singleSignOn(null);
  expect(landed).toMatch(/^\/sign-in\?error=access_denied/);
  expect(context.me).toBeNull();
});

test("an answer that nobody here asked for signs nobody in, and leads to our own sign-in page", async () => {
  const browser = new Browser();
  const forged = new URL("/api/auth/callback/oidc?code=stolen&state=made-up", ORIGIN);
  expect(await browser.follow(forged)).toMatch(/^\/sign-in\?error=/);
  const { me } = await createContext({ headers: new Headers({ cookie: browser.cookies() }) });
  expect(me).toBeNull();
});

test("the provider's tokens, which nothing here needs, are not kept", async () => {
  await singleSignOn(person({ sub: "keeper" }));
  const accounts = await prisma().account.findMany({ where: { providerId: "oidc" } });
  expect(accounts.length).toBeGreaterThan(0);
  for (const { accessToken, refreshToken, idToken } of accounts)
    expect([accessToken, refreshToken, idToken]).toEqual([null, null, null]);
});
