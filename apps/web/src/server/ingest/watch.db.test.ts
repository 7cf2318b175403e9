import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";

const database = testDatabase();
let instance: IngestInstance;
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
});
afterAll(() => instance?.stop());

/** An agent's open control.watch: waits for what it is told, one after the other. */
async function watch(credential: string) {
  const end = new AbortController();
  const response = await fetch(`${instance.url}/trpc/control.watch`, {
    headers: { authorization: `Bearer ${credential}`, accept: "text/event-stream" },
    signal: end.signal,
  });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async (): Promise<string> => {
    for (;;) {
      const match = /data: (\{"what":"[^"]+"\})\n/.exec(text);
      if (match) {
        text = text.slice(match.index + match[0].length);
        return JSON.parse(match[1] as string).what;
      }
      const { value, done } = await reader.read();
      if (done) return "end";
      text += decoder.decode(value, { stream: true });
    }
  };
  /** Passes over what else it is told before. */
  const until = async (what: string): Promise<void> => {
    for (let said = await next(); said !== what; said = await next())
      if (said === "end") throw new Error(`it ended without ${what}`);
  };
  return { status: response.status, next, until, end: () => end.abort() };
}

test("an agent hears at once that traces changed, that its database was away, and that it was revoked", async () => {
  const credential = await instance.enrol("h1");
  const heard = await watch(credential);
  try {
    await heard.until("traces"); // whatever changed before it watched
    await heard.until("network");
    await rows("select pg_notify('millrace_traces', 'x')");
    await heard.until("traces");
    await rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace-bus'",
    );
    await heard.until("traces"); // reconnected: something may have been missed
    await heard.until("network");
    await rows("update hosts set revoked_at = now() where name = 'h1'");
    await rows("select pg_notify('millrace_agents', id::text) from hosts where name = 'h1'");
    await heard.until("credential-revoked");
  } finally {
    heard.end();
  }
});

test("other hosts' revocations end nothing", async () => {
  const mine = await instance.enrol("h2");
  await instance.enrol("h3");
  const heard = await watch(mine);
  try {
    await heard.until("service");
    await rows("update hosts set revoked_at = now() where name = 'h3'");
    await rows("select pg_notify('millrace_agents', id::text) from hosts where name = 'h3'");
    await rows("select pg_notify('millrace_traces', 'x')");
    expect(await heard.next()).toBe("traces");
  } finally {
    heard.end();
  }
});

test.each(["network", "policy", "service"])(
  "of a change of %s only those hosts hear that it is for",
  async (what) => {
    const [mine, other] = [
      await watch(await instance.enrol(`${what}-1`)),
      await watch(await instance.enrol(`${what}-2`)),
    ];
    try {
      await mine.until("service"); // what changed before they watched; it is the last of it
      await other.until("service");
      await rows(`select pg_notify('millrace_${what}', '0,' || id) from hosts where name = '${what}-1'`);
      expect(await mine.next()).toBe(what);
      await rows("select pg_notify('millrace_traces', 'x')");
      expect([await mine.next(), await other.next()]).toEqual(["traces", "traces"]);
      await rows(`select pg_notify('millrace_${what}', '*')`);
      expect([await mine.next(), await other.next()]).toEqual([what, what]);
    } finally {
      mine.end();
      other.end();
    }
  },
);

test("a host watches twice at most; places of those that hung up are free again", async () => {
  const credential = await instance.enrol("h4");
  const open = [await watch(credential), await watch(credential)];
  for (const one of open) expect(await one.next()).toBe("traces");
  const before = instance.ingest.watches.open;
  for (const one of open) one.end();
  while (instance.ingest.watches.open > before - 2) await new Promise((r) => setTimeout(r, 5));
  const again = await watch(credential);
  expect(await again.next()).toBe("traces");
  again.end();
});
