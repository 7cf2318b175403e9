/** What a one-time token gives, to whom, and how often. */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { hashSecret } from "../secret.ts";
import { IngestInstance, rows } from "../testing/ingest-instance.ts";

const database = testDatabase();
let instance: IngestInstance;
beforeAll(async () => {
  instance = await IngestInstance.start(database.url);
});
afterAll(() => instance.stop());

let made = 0;
const newKey = () => randomBytes(32).toString("base64url");
async function newToken(host: string | null = null): Promise<string> {
  const token = `mre_a_token_of_this_test_${made++}`;
  await rows(
    `insert into enrol_tokens (id, hash, host_name, created_by, expires_at)
     values (gen_random_uuid(), $1, $2, 'test', now() + interval '1 hour')`,
    [hashSecret(token), host],
  );
  return token;
}
type Wanted = { token: string; host: string; key?: string };
const enrol = async (wanted: Wanted) => {
  const { status, result, error } = await instance.call("agent.enrol", { protocol: 2, ...wanted });
  return status === 200 ? (result as { hostId: number; credential: string }) : error?.data.app;
};
const heartbeat = { protocol: 2 };
/** Whether the credential opens anything: what is asked for is nonsense, and found to be after the door. */
const opens = async (credential: string) =>
  (await instance.call("agent.heartbeat", heartbeat, credential)).error?.data.app === "BAD_REQUEST";
const audited = async (host: string) =>
  (await rows("select from audit_entries where action = 'agents.enrol' and target = $1", [host])).length;

/** The request as it stands on the wire, and nobody waits for its answer. */
async function enrolAndHangUp(wanted: Wanted): Promise<void> {
  const { hostname, port } = new URL(instance.url);
  const body = JSON.stringify({ protocol: 2, ...wanted });
  const head = `POST /trpc/agent.enrol HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`, () => socket.destroy()),
    );
    socket.on("close", () => resolve());
  });
}

describe("asking again with the same token and key", () => {
  test("gives the same host and credential, which works, and enrols nobody twice", async () => {
    const wanted = { token: await newToken(), host: "again", key: newKey() };
    const first = await enrol(wanted);
    expect(first).toMatchObject({ credential: expect.stringMatching(/^mrh_\d+_/) });
    expect(await enrol(wanted)).toEqual(first);
    expect(await opens((first as { credential: string }).credential)).toBe(true);
    expect(await audited("again")).toBe(1);
  });

  test("gets in whoever hung up before the answer, however often", async () => {
    const wanted = { token: await newToken(), host: "cut", key: newKey() };
    for (let i = 0; i < 5; i++) await enrolAndHangUp(wanted);
    const { credential } = (await enrol(wanted)) as { credential: string };
    expect(await opens(credential)).toBe(true);
    expect(await audited("cut")).toBe(1);
  });

  test("at the same time gives all of them the same", async () => {
    const wanted = { token: await newToken(), host: "at-once", key: newKey() };
    const answers = await Promise.all(Array.from({ length: 6 }, () => enrol(wanted)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ hostId: expect.any(Number) });
    expect(await audited("at-once")).toBe(1);
  });

  test("is refused with another key, with none, for another host, and of an agent that sent none before", async () => {
    const wanted = { token: await newToken(), host: "held", key: newKey() };
    await enrol(wanted);
    const { token, host, key } = wanted;
    for (const other of [
      { token, host, key: newKey() },
      { token, host },
      { token, host: "other", key },
    ])
      expect(await enrol(other)).toBe("UNAUTHENTICATED");
    const keyless = { token: await newToken(), host: "keyless" };
    expect(await enrol(keyless)).toMatchObject({ credential: expect.any(String) });
    expect(await enrol(keyless)).toBe("UNAUTHENTICATED");
  });

  test("is refused once the credential was revoked, replaced, or given out a day ago", async () => {
    const ask = async (host: string) => {
      const wanted = { token: await newToken(host), host, key: newKey() };
      expect(await enrol(wanted)).toMatchObject({ hostId: expect.any(Number) });
      return wanted;
    };
    const revoked = await ask("revoked");
    await rows("update hosts set revoked_at = now() where name = 'revoked'");
    const replaced = await ask("replaced");
    await enrol({ ...replaced, token: await newToken("replaced"), key: newKey() });
    const late = await ask("late");
    await rows("update enrol_tokens set used_at = now() - interval '25 h' where hash = $1", [
      hashSecret(late.token),
    ]);
    for (const wanted of [revoked, replaced, late]) expect(await enrol(wanted)).toBe("UNAUTHENTICATED");
  });

  test("goes on after the token's own time is over: it was in time when it was taken", async () => {
    const wanted = { token: await newToken(), host: "expired", key: newKey() };
    const first = await enrol(wanted);
    await rows("update enrol_tokens set expires_at = now() - interval '1 s' where hash = $1", [
      hashSecret(wanted.token),
    ]);
    expect(await enrol(wanted)).toEqual(first);
  });
});

test("a key is 256 bits, and no text that a header couldn't carry", async () => {
  const token = await newToken();
  for (const key of ["", "short", `${newKey()}x`, `${newKey().slice(0, 42)}\n`])
    expect(await enrol({ token, host: "form", key })).toBe("BAD_REQUEST");
});
