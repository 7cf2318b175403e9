/** Enrolment over a wire that breaks: the token is spent once, and whoever spent it gets in all the same. */
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { EnrolInput, type Heartbeat, type HelloInput } from "@millrace/contract/agent-protocol";
import { afterEach, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../testing/temporary.ts";
import { ControlPlane } from "./client.ts";
import { CredentialFile } from "./credential.ts";
import { ConnectionSession } from "./session.ts";

const TOKEN = "a-token-of-twenty-letters";
/** How many bytes of the answer arrive; of a request that doesn't arrive itself nobody hears. */
type Cut = number | "before it is read" | "before the answer";
const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** One token, as the control plane keeps it: spent by the first key, good for that one and no other. */
async function controlPlane() {
  const state = { cut: undefined as Cut | undefined, keys: [] as (string | undefined)[] };
  const answer = (key: string | undefined) => {
    state.keys.push(key);
    if (key !== state.keys[0]) return undefined;
    return JSON.stringify({ result: { data: { hostId: 3, credential: `mrh_3_${key}` } } });
  };
  const server = http.createServer((request, response) => {
    const { cut } = state;
    if (cut === "before it is read") return void request.socket.destroy();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = answer(EnrolInput.parse(JSON.parse(Buffer.concat(chunks).toString())).key);
      if (body === undefined) return void response.writeHead(401).end(REFUSED);
      if (cut === undefined) return void response.writeHead(200).end(body);
      if (cut === "before the answer") return void request.socket.destroy();
      response.writeHead(200, { "content-length": String(body.length) });
      response.flushHeaders();
      response.write(body.slice(0, cut), () => request.socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(
    () => void server.closeAllConnections(),
    () => void server.close(),
  );
  const { port } = server.address() as { port: number };
  return { state, url: `http://127.0.0.1:${port}` };
}
const REFUSED = JSON.stringify({ error: { message: "used", data: { code: "UNAUTHORIZED" } } });

function agent(url: string, directory: string, credential = new CredentialFile(directory)) {
  const client = new ControlPlane(url);
  ended.push(() => client.server.close());
  const tokenFile = path.join(directory, "token");
  fs.writeFileSync(tokenFile, TOKEN);
  const session = new ConnectionSession({
    ...{ credential, hostName: "h1", tokenFile, nowMs: () => 0, random: () => 1 },
    hello: () => ({}) as HelloInput,
    heartbeat: () => ({}) as Heartbeat,
    log: () => {},
    onConnected: () => {},
    client: {
      setCredential: (secret) => client.setCredential(secret),
      enrol: (input) => client.enrol(input),
      hello: async () => ({ ok: false, kind: "busy", reason: "later", pauseMs: 0 }),
      heartbeat: async () => ({ ok: false, kind: "busy", reason: "later", pauseMs: 0 }),
    },
  });
  return { session, credential };
}
/** A life that is killed in between: what it was told it never writes down. */
class Forgetful extends CredentialFile {
  override write(): void {
    throw new Error("killed");
  }
}

describe("an enrolment", () => {
  const bytes = JSON.stringify({
    result: { data: { hostId: 3, credential: `mrh_3_${"k".repeat(43)}` } },
  }).length;
  const cuts: Cut[] = ["before it is read", "before the answer", 0, 1, bytes >> 1, bytes - 1];
  test.each(cuts)("whose answer is cut (%s) is repeated with the same key, and gets in", async (cut) => {
    const { state, url } = await controlPlane();
    const { session, credential } = agent(url, temporaryDirectory("enrol"));
    state.cut = cut;
    await session.step();
    expect(credential.read()).toBeUndefined();
    state.cut = undefined;
    await session.step();
    expect(new Set(state.keys).size).toBe(1);
    expect(credential.read()).toEqual({ hostId: 3, credential: `mrh_3_${state.keys[0]}` });
  });

  test("whose agent dies before it wrote the answer down is repeated by the next life", async () => {
    const { state, url } = await controlPlane();
    const directory = temporaryDirectory("enrol");
    const first = agent(url, directory, new Forgetful(directory));
    await expect(first.session.step()).rejects.toThrow("killed");
    const next = agent(url, directory);
    await next.session.step();
    expect(state.keys).toEqual([state.keys[0], state.keys[0]]);
    expect(next.credential.read()?.credential).toBe(`mrh_3_${state.keys[0]}`);
  });

  test("of another state directory is another's, and refused", async () => {
    const { url } = await controlPlane();
    await agent(url, temporaryDirectory("enrol")).session.step();
    const other = agent(url, temporaryDirectory("enrol"));
    await other.session.step();
    expect(other.session.state).toBe("unauthorized");
    expect(other.credential.read()).toBeUndefined();
  });
});

describe("the key", () => {
  const keyIn = (directory: string) => path.join(directory, "enrol-key");

  test("is its user's alone, and gone once there is a credential: the next enrolment has another", async () => {
    const { url } = await controlPlane();
    const directory = temporaryDirectory("enrol");
    const file = new CredentialFile(directory);
    const key = file.prepare();
    expect(fs.statSync(keyIn(directory)).mode & 0o777).toBe(0o600);
    await agent(url, directory).session.step();
    expect(fs.existsSync(keyIn(directory))).toBe(false);
    fs.rmSync(file.file);
    expect(file.prepare()).not.toBe(key);
  });

  test("left by a life that died beside its credential goes when that is read", () => {
    const directory = temporaryDirectory("enrol");
    const file = new CredentialFile(directory);
    const key = file.prepare();
    fs.writeFileSync(file.file, JSON.stringify({ hostId: 3, credential: "own" }));
    file.read();
    fs.rmSync(file.file);
    expect(file.prepare()).not.toBe(key);
  });

  test("of which only a part was written was never sent, and is made anew", () => {
    const directory = temporaryDirectory("enrol");
    const file = new CredentialFile(directory);
    for (const torn of ["", file.prepare().slice(0, 20)]) {
      fs.writeFileSync(keyIn(directory), torn);
      expect(file.prepare()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    }
  });
});
