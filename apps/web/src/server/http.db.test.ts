import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Role } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink } from "@trpc/client";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../tools/testing/test-database.ts";
import { POST as postAuth } from "../app/api/auth/[...all]/route.ts";
import { GET, POST } from "../app/api/trpc/[trpc]/route.ts";
import { GET as scrape } from "../app/metrics/route.ts";
import { GET as ready } from "../app/readyz/route.ts";
import { closeBus } from "./bus.ts";
import { closeDatabase, useDatabase } from "./db.ts";
import { MOST_OPEN } from "./open-streams.ts";
import type { AppRouter } from "./root.ts";
import { ORIGIN } from "./testing/environment.ts";
import { cookieOf, makePeople, signIn } from "./testing/people.ts";
import { anUpdate, insertHost, makePartitions, openBatch } from "./testing/telemetry-rows.ts";
import { createToken, revokeToken } from "./token/service.ts";

const database = testDatabase();
let cookie = "";
let token = "";
let host = 0;
let people: Record<Role, Me>;
beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  people = await makePeople();
  cookie = cookieOf(await signIn("admin@example.org"));
  token = (await createToken({ name: "t", role: "viewer", expiresInDays: 1 }, people.viewer)).token;
  host = await insertHost("h1");
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const call = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
  const request = new Request(`${ORIGIN}/api/trpc/${path}`, init);
  return (init.method === "POST" ? POST : GET)(request);
};
const body = async (response: Response) => (await response.json()) as Record<string, Record<string, unknown>>;

test("a query by cookie and by token", async () => {
  const session = await body(await call("session.me", { headers: { cookie } }));
  expect(session.result?.data).toMatchObject({ email: "admin@example.org", via: "session" });
  const byToken = await body(await call("session.me", { headers: { authorization: `Bearer ${token}` } }));
  expect(byToken.result?.data).toMatchObject({ email: "viewer@example.org", role: "viewer", via: "token" });
});

test("a stranger gets 401, and a page of somebody else's 403 even with our cookie", async () => {
  expect((await call("session.me")).status).toBe(401);
  const headers = { cookie, "content-type": "application/json", origin: "https://evil.example" };
  const forged = await call("traces.stopAll", { method: "POST", headers, body: "{}" });
  expect(forged.status).toBe(403);
  expect((await body(forged)).error).toMatchObject({
    message: "This request doesn't come from Millrace's own pages",
  });
});

test("malformed input is told with every problem and its field; nothing of our insides", async () => {
  const input = encodeURIComponent(JSON.stringify({ range: { from: 5, to: 3 }, limit: 0 }));
  const response = await call(`flows.search?input=${input}`, { headers: { cookie } });
  expect(response.status).toBe(400);
  const { error } = await body(response);
  expect(error).toMatchObject({ data: { app: "BAD_REQUEST", path: "flows.search" } });
  expect(error?.message).toMatch(/range: from must be before to/);
  expect(error?.message).toMatch(/limit: /);
  expect(JSON.stringify(error)).not.toContain("node_modules");
});

/** The route behind a real server, for what comes in a stream. */
async function withServer(run: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(async (req, res) => {
    const stop = new AbortController();
    res.on("close", () => stop.abort());
    const headers = req.headers as Record<string, string>;
    const response = await GET(new Request(`${ORIGIN}${req.url}`, { headers, signal: stop.signal }));
    res.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) if (!res.write(chunk)) break;
    res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/trpc`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
function clientOf(url: string, headers: Record<string, string>) {
  const withHeaders = (to: string | URL, init: RequestInit) =>
    fetch(to, { ...init, headers: { ...(init.headers as Record<string, string>), ...headers } });
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: (operation) => operation.type === "subscription",
        true: httpSubscriptionLink({ url, EventSource, eventSourceOptions: () => ({ fetch: withHeaders }) }),
        false: httpLink({ url, headers }),
      }),
    ],
  });
}

test("the live stream comes over server-sent events and goes on after the last event seen", () =>
  withServer(async (url) => {
    const client = clientOf(url, { cookie });
    const range = { from: Date.now() - 60_000, to: Date.now() + 60_000 } as never;
    const { snapshot } = await client.flows.search.query({ range });
    const row = anUpdate({ ts: Date.now() * 1000, src_port: 777 });
    await (await openBatch(host, 1, [row])).commit();
    const seen = await new Promise<number[]>((resolve, reject) => {
      const open = client.flows.tail.subscribe(
        { filter: "src.port=777", snapshot },
        {
          onData: ({ data }) => {
            if (data.rows.length === 0) return;
            open.unsubscribe();
            resolve(data.rows.map((found) => found.src.port));
          },
          onError: reject,
        },
      );
    });
    expect(seen).toEqual([777]);
  }));

test("an account that opens stream after stream is told to stop", () =>
  withServer(async (url) => {
    const client = clientOf(url, { authorization: `Bearer ${token}` });
    const opened: { unsubscribe: () => void }[] = [];
    const open = () =>
      new Promise<unknown>((resolve) => {
        const handlers = { onStarted: () => resolve(null), onError: (error: unknown) => refused.push(error) };
        opened.push(client.flows.tail.subscribe({ filter: "" }, handlers));
      });
    const refused: unknown[] = [];
    while (refused.length === 0 && opened.length < 2 * MOST_OPEN) await open();
    for (const stream of opened) stream.unsubscribe();
    expect(opened.length).toBeGreaterThan(MOST_OPEN);
    expect(refused[0]).toMatchObject({
      message: expect.stringMatching(/close a page/),
      data: { app: "BUSY" },
    });
  }));

test("a live stream ends soon after the token that opened it is revoked", () =>
  withServer(async (url) => {
    const { token: lent, view } = await createToken(
      { name: "lent", role: "viewer", expiresInDays: 1 },
      people.admin,
    );
    const client = clientOf(url, { authorization: `Bearer ${lent}` });
    const ended = await new Promise<unknown>((resolve) => {
      client.flows.tail.subscribe(
        { filter: "" },
        { onStarted: () => void revokeToken(view.id, people.admin), onError: ({ data }) => resolve(data) },
      );
    });
    expect(ended).toMatchObject({ httpStatus: 401, app: "UNAUTHENTICATED" });
  }));

test("a stream that can't be is refused for good, not tried again and again", () =>
  withServer(async (url) => {
    const client = clientOf(url, { cookie });
    const refused = await new Promise<unknown>((resolve) => {
      const id = crypto.randomUUID() as never;
      client.traces.watch.subscribe({ id }, { onError: ({ data }) => resolve(data) });
    });
    expect(refused).toMatchObject({ httpStatus: 404, app: "NOT_FOUND" });
  }));

test("several queries in one request are refused, and so is a body without end", async () => {
  const batch = await call("session.me,session.me?batch=1", { headers: { cookie } });
  expect(batch.status).toBe(400);
  const headers = { "content-type": "application/json", cookie, origin: ORIGIN };
  const long = await call("traces.stopAll", { method: "POST", headers, body: "x".repeat(1 << 20) });
  expect(long.status).toBe(413);
  const signIn = new Request(`${ORIGIN}/api/auth/sign-in/email`, {
    method: "POST",
    headers,
    body: "x".repeat(1 << 20),
  });
  expect((await postAuth(signIn)).status).toBe(413);
});

test("ready while the database answers; metrics name procedures", async () => {
  expect((await ready()).status).toBe(200);
  const text = await (await scrape(new Request(`${ORIGIN}/metrics`))).text();
  expect(text).toMatch(/millrace_web_call_seconds_count\{procedure="session.me",outcome="ok"\} \d/);
});
