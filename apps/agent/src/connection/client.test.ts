import http from "node:http";
import { json as jsonIn } from "node:stream/consumers";
import { HostName, TraceSessionId } from "@millrace/contract/ids";
import { afterEach, describe, expect, test } from "vitest";
import { ControlPlane } from "./client.ts";

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;
let server: http.Server | undefined;
let client: ControlPlane | undefined;

async function answering(handler: Handler): Promise<ControlPlane> {
  server = http.createServer(handler);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  client = new ControlPlane(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
  return client;
}
afterEach(async () => {
  client?.server.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});
const json =
  (status: number, body: unknown, type = "application/json"): Handler =>
  (_, response) => {
    response.writeHead(status, { "content-type": type });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
const ACCEPTED = { result: { data: { acknowledged: 4, duplicate: false, pauseMs: 0 } } };
const PAYLOAD = Buffer.from("batch");

describe("what a server answers", () => {
  test("the answer that was agreed is taken", async () => {
    const answer = await (await answering(json(200, ACCEPTED))).push(PAYLOAD, false);
    expect(answer).toEqual({ ok: true, value: ACCEPTED.result.data });
  });

  test("the credential and the batch's encoding are told, the path is the procedure's", async () => {
    const seen: Record<string, unknown> = {};
    const plane = await answering((request, response) => {
      Object.assign(seen, { url: request.url, method: request.method, ...request.headers });
      json(200, ACCEPTED)(request, response);
    });
    plane.setCredential("secret");
    await plane.push(PAYLOAD, "br");
    expect(seen).toMatchObject({
      ...{ url: "/trpc/telemetry.push", method: "POST", authorization: "Bearer secret" },
      ...{ "content-encoding": "br", "content-type": "application/octet-stream", "content-length": "5" },
    });
  });

  test("half a surrogate pair, as a cut may leave it, doesn't cost the whole message", async () => {
    const bodies: unknown[] = [];
    const plane = await answering(async (request, response) => {
      bodies.push(await jsonIn(request));
      json(200, { result: { data: null } })(request, response);
    });
    const stats = { seen: 0, emitted: 0, overRate: 0, ringFull: 0, undelivered: 0 };
    const detail = `${"x".repeat(499)}😀`.slice(0, 500);
    const id = TraceSessionId.parse("018f0000-0000-7000-8000-000000000001");
    await plane.reportTrace({ id, generation: 1, event: "refuse", end: null, detail, stats });
    expect(bodies).toMatchObject([{ detail: `${"x".repeat(499)}\ufffd` }]);
  });

  const problem = (code: string, extra = {}) => ({ error: { message: "no", data: { code, ...extra } } });
  test.each<[string, Handler, object]>([
    ["a page of HTML", json(200, "<html>hello</html>", "text/html"), { kind: "nonsense" }],
    ["JSON cut short", json(200, '{"result":{"da'), { kind: "nonsense" }],
    ["other types", json(200, { result: { data: { acknowledged: "four" } } }), { kind: "nonsense" }],
    ["null", json(200, null), { kind: "nonsense" }],
    ["nothing", json(200, ""), { kind: "nonsense" }],
    ["an error page", json(500, "<h1>oops</h1>", "text/html"), { kind: "busy" }],
    ["an unknown path", json(404, "not found", "text/plain"), { kind: "nonsense" }],
    [
      "a redirect",
      (_, r) => r.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
      { kind: "nonsense" },
    ],
    ["no credential", json(401, problem("UNAUTHORIZED")), { kind: "unauthorized" }],
    ["another protocol", json(412, problem("PRECONDITION_FAILED")), { kind: "incompatible" }],
    ["a refusal", json(400, problem("BAD_REQUEST")), { kind: "refused", pauseMs: 0 }],
    ["a pause", json(429, problem("TOO_MANY_REQUESTS", { pauseMs: 700 })), { kind: "busy", pauseMs: 700 }],
    ["a pause for ever", json(503, problem("SERVICE_UNAVAILABLE", { pauseMs: 1e12 })), { pauseMs: 60_000 }],
    ["a hang-up", (request) => void request.socket.destroy(), { kind: "unreachable" }],
    [
      "a hang-up in the middle",
      (request, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write("{");
        setImmediate(() => request.socket.destroy());
      },
      { kind: "unreachable" },
    ],
    [
      "a body without end",
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(64 << 10, 0x20)));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
      },
      { kind: "unreachable", reason: expect.stringMatching(/over 1048576 bytes/) },
    ],
  ])("%s is a failure with a name, and nothing is thrown", async (_, handler, expected) => {
    const answer = await (await answering(handler)).push(PAYLOAD, false);
    expect(answer).toMatchObject({ ok: false, ...expected });
  });

  test.each(["", "two\r\nlines", "mit Ümlaut", "a b", "x".repeat(400)])(
    "a credential that no header can carry, %j, is none",
    async (credential) => {
      const plane = await answering(json(200, { result: { data: { hostId: 3, credential } } }));
      const answer = await plane.enrol({
        protocol: 2,
        token: "a-token-of-twenty-letters",
        host: HostName.parse("h"),
      });
      expect(answer).toMatchObject({ ok: false, kind: "nonsense" });
    },
  );

  test("an answer that switches protocols is a failure and no silence for ever", async () => {
    const plane = await answering(() => {});
    server?.prependListener("request", (request: http.IncomingMessage) => {
      request.socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    });
    expect(await plane.push(PAYLOAD, false)).toMatchObject({ ok: false, kind: "unreachable" });
  });

  test("closing ends what is under way, and nothing begins afterwards", async () => {
    let asked = () => {};
    const arrival = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const plane = await answering(() => asked());
    const waiting = plane.push(PAYLOAD, false);
    await arrival;
    plane.server.close();
    expect(await waiting).toMatchObject({ ok: false, kind: "unreachable" });
    expect(await plane.push(PAYLOAD, false)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/ending/),
    });
  });

  test("no server at all is a failure with a name", async () => {
    client = new ControlPlane("http://127.0.0.1:1");
    expect(await client.desiredTraces()).toMatchObject({ ok: false, kind: "unreachable" });
  });
});
