import fs from "node:fs";
import path from "node:path";
import type { Heartbeat, HelloInput } from "@millrace/contract/agent-protocol";
import { HostId } from "@millrace/contract/ids";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../testing/temporary.ts";
import type { Failure } from "./client.ts";
import { CredentialFile } from "./credential.ts";
import { ConnectionSession } from "./session.ts";

const failure = (kind: Failure["kind"], reason = kind): Failure => ({ ok: false, kind, reason, pauseMs: 0 });
type Hello = {
  ok: true;
  value: { hostId: HostId; serverTimeMs: number; intervalMs: number; heartbeatMs: number };
};
const WELCOME: Hello = {
  ok: true,
  value: { hostId: HostId.parse(3), serverTimeMs: 0, intervalMs: 700, heartbeatMs: 4000 },
};

function scene(answers: { enrol?: Failure; hello?: (Failure | Hello)[]; heartbeat?: Failure[] }) {
  const directory = temporaryDirectory("session");
  const tokenFile = path.join(directory, "token");
  const credential = new CredentialFile(path.join(directory, "state"));
  const log: string[] = [];
  const calls: string[] = [];
  const session = new ConnectionSession({
    ...{ credential, hostName: "h1", tokenFile, nowMs: () => 0, random: () => 1 },
    hello: () => ({}) as HelloInput,
    heartbeat: () => ({}) as Heartbeat,
    log: (level, text) => log.push(`${level}: ${text}`),
    onConnected: (intervalMs) => calls.push(`interval ${intervalMs}`),
    client: {
      setCredential: (secret) => calls.push(`credential ${secret}`),
      enrol: async ({ token }) => {
        calls.push(`enrol ${token}`);
        return answers.enrol ?? { ok: true, value: { hostId: HostId.parse(3), credential: "own" } };
      },
      hello: async () => answers.hello?.shift() ?? WELCOME,
      heartbeat: async () => answers.heartbeat?.shift() ?? { ok: true, value: { serverTimeMs: 0 } },
    },
  });
  return { session, credential, tokenFile, log, calls };
}

describe("standing with the server", () => {
  test("enrols once with the token, then with its own credential, which only its user can read", async () => {
    const { session, credential, tokenFile, calls } = scene({});
    fs.writeFileSync(tokenFile, "one-time\n");
    expect(await session.step()).toBe(0);
    expect(session.isConnected).toBe(true);
    expect(calls).toEqual(["enrol one-time", "credential own", "interval 700"]);
    expect(fs.statSync(credential.file).mode & 0o777).toBe(0o600);
    expect(credential.read()).toEqual({ hostId: 3, credential: "own" });
    expect(await session.step()).toBe(4000);
  });

  test("without a token says so once, and goes on when there is one", async () => {
    const { session, tokenFile, log } = scene({});
    await session.step();
    await session.step();
    expect(log).toHaveLength(1);
    expect(session.state).toBe("no-token");
    fs.writeFileSync(tokenFile, "late");
    await session.step();
    expect(session.isConnected).toBe(true);
  });

  test("a one-time token isn't spent while its credential couldn't be written down", async () => {
    const { session, credential, tokenFile, calls } = scene({});
    fs.writeFileSync(tokenFile, "one-time");
    const state = path.dirname(credential.file);
    fs.writeFileSync(state, "a file where the directory should be");
    await expect(session.step()).rejects.toThrow(state);
    expect(calls).toEqual([]);
    fs.rmSync(state);
    await session.step();
    expect(calls[0]).toBe("enrol one-time");
    expect(credential.read()).toEqual({ hostId: 3, credential: "own" });
  });

  test("a credential needs no room on the disk that wasn't taken before", () => {
    const file = new CredentialFile(temporaryDirectory("credential"));
    file.prepare();
    const { size, ino } = fs.statSync(`${file.file}.new`);
    file.write({ hostId: HostId.parse(3), credential: "x".repeat(200) });
    expect(fs.statSync(file.file)).toMatchObject({ size, ino });
    expect(file.read()?.credential).toHaveLength(200);
  });

  test("a damaged credential is named and not enrolled over", async () => {
    const { session, credential, tokenFile } = scene({});
    fs.writeFileSync(tokenFile, "one-time");
    fs.mkdirSync(path.dirname(credential.file), { recursive: true });
    fs.writeFileSync(credential.file, '{"hostId": "x"}');
    await expect(session.step()).rejects.toThrow(/credential\.json is damaged/);
    fs.writeFileSync(credential.file, "");
    await expect(session.step()).rejects.toThrow(/credential\.json is damaged/);
  });

  test("an incompatible server is told with both versions and tried slowly", async () => {
    const hello = [failure("incompatible", "agent.hello: this server speaks protocol 3" as "incompatible")];
    const { session, tokenFile, log } = scene({ hello });
    fs.writeFileSync(tokenFile, "one-time");
    expect(await session.step()).toBeGreaterThanOrEqual(30_000);
    expect(session.state).toBe("incompatible");
    expect(log.at(-1)).toMatch(/protocol 2: .*protocol 3/);
    await session.step();
    expect(session.isConnected).toBe(true);
  });

  test("a revoked credential ends the standing until another is there", async () => {
    const { session, credential, tokenFile, calls } = scene({ heartbeat: [failure("unauthorized")] });
    fs.writeFileSync(tokenFile, "one-time");
    await session.step();
    expect(await session.step()).toBeGreaterThanOrEqual(30_000);
    expect(session.isConnected).toBe(false);
    credential.write({ hostId: HostId.parse(3), credential: "new" });
    await session.step();
    expect(calls.at(-2)).toBe("credential new");
    expect(session.isConnected).toBe(true);
  });

  test("greets anew after the server was away", async () => {
    const { session, tokenFile, calls } = scene({ heartbeat: [failure("unreachable")] });
    fs.writeFileSync(tokenFile, "one-time");
    await session.step();
    expect(await session.step()).toBeLessThanOrEqual(500);
    await session.step();
    expect(calls.filter((call) => call.startsWith("interval"))).toHaveLength(2);
  });
});
