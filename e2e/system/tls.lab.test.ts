/** `npm start` with a certificate of our own, as an operator would: over TLS from elsewhere, in clear on loopback only. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { at } from "../../tools/paths.mjs";
import { freePort } from "../../tools/up/preflight.mjs";
import { Child, until } from "./child.ts";

const NAME = "tlstest";
const folder = mkdtempSync(path.join(tmpdir(), "millrace-tls-"));
const certFile = path.join(folder, "cert.pem");
const keyFile = path.join(folder, "key.pem");
let up: Child;
let ports: { plain: number; tls: number; ingest: number; ingestTls: number };

beforeAll(async () => {
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", ...key, "-out", certFile, "-days", "2", ...subject], {
    stdio: "ignore",
  });
  const [plain, tls, ingest, ingestTls] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  ports = { plain, tls, ingest, ingestTls };
  up = new Child("npm start", [at("tools/up/main.mjs"), "--name", NAME], {
    ...{ PORT: String(plain), INGEST_PORT: String(ingest), MILLRACE_PG_PORT: String(await freePort()) },
    ...{ TLS_PORT: String(tls), INGEST_TLS_PORT: String(ingestTls), PUBLIC_URL: `https://localhost:${tls}` },
    // Beside the supervisor's own directory, as somebody would type it.
    ...{ TLS_CERT_FILE: path.relative(process.cwd(), certFile), TLS_KEY_FILE: keyFile },
    ...{ HOST: "0.0.0.0", INGEST_HOST: "0.0.0.0" },
  });
  up.start();
  await until("Millrace with TLS", () => / ready after /.test(up.output) || !up.alive, {
    deadlineMs: 240_000,
    explain: () => up.output.slice(-4000),
  });
}, 300_000);

afterAll(async () => {
  await up?.end("SIGTERM");
  rmSync(at(`.data/${NAME}`), { recursive: true, force: true });
  rmSync(folder, { recursive: true });
}, 120_000);

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string };
const ask = (
  port: number,
  to: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const text = body && JSON.stringify(body);
    const sent = request(
      {
        ...{ host: "127.0.0.1", servername: "localhost", port, path: to, ca: readFileSync(certFile) },
        method: text ? "POST" : "GET",
        headers: {
          host: `localhost:${port}`,
          ...(text && {
            "content-type": "application/json",
            "content-length": String(Buffer.byteLength(text)),
          }),
          ...headers,
        },
      },
      async (response) => {
        let read = "";
        for await (const chunk of response) read += chunk;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: read });
      },
    );
    sent.on("error", reject).end(text);
  });

test("one signs in over TLS, with a cookie that never goes in clear, and the agents of this machine report", async () => {
  const origin = `https://localhost:${ports.tls}`;
  const first = JSON.parse(readFileSync(at(`.data/${NAME}/first-sign-in.json`), "utf8")) as object;
  const signedIn = await ask(ports.tls, "/api/auth/sign-in/email", first, { origin });
  expect(signedIn.status).toBe(200);
  const cookie = String(signedIn.headers["set-cookie"]);
  expect(cookie).toMatch(/^__Secure-/);
  expect(cookie).toMatch(/; Secure/);
  const hosts = async () => {
    const { body } = await ask(ports.tls, "/api/trpc/hosts.list", undefined, {
      cookie: cookie.split(";")[0] as string,
    });
    const listed = JSON.parse(body).result.data.hosts as { state: string }[];
    return listed.filter(({ state }) => state === "ok").length === 2;
  };
  await until("both hosts", hosts, { deadlineMs: 60_000, explain: () => up.output.slice(-2000) });
});

test("agents of other machines find TLS; nothing in clear listens but on loopback", async () => {
  expect((await ask(ports.ingestTls, "/healthz")).body).toBe("ok\n");
  expect((await ask(ports.tls, "/metrics")).status).toBe(403);
  const listening = execFileSync("ss", ["-Hltn"], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(/\s+/)[3] ?? "");
  for (const port of [ports.plain, ports.ingest])
    expect(listening.filter((at) => at.endsWith(`:${port}`))).toEqual([`127.0.0.1:${port}`]);
});
