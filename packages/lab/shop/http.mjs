// HTTP between the shop's roles: a server that answers JSON on both families, and a client that keeps
// connections alive or opens a fresh one, over the family it is told.
import { Agent, createServer, request } from "node:http";
import { count } from "./report.mjs";

const TIMEOUT_MS = 2_000;
// Of sockets: what a slow server may keep waiting in one client.
const keptAlive = new Agent({ keepAlive: true, maxSockets: 64 });

/** Resolves with { status, body }; rejects when the connection fails or nothing comes for two seconds. */
export function call(method, host, port, path, { family = 4, fresh = false, body } = {}) {
  return new Promise((resolve, reject) => {
    const agent = fresh ? false : keptAlive;
    const outgoing = request({ method, host, port, path, family, agent, timeout: TIMEOUT_MS }, (incoming) => {
      const parts = [];
      incoming.on("data", (part) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () => resolve({ status: incoming.statusCode, body: Buffer.concat(parts) }));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${host}:${port} doesn't answer`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** `answer(request)` gives { status, body } or throws, which is a 502: the fault is further behind. */
export function server(answer) {
  const http = createServer(async (incoming, outgoing) => {
    incoming.resume();
    let reply;
    try {
      reply = await answer(incoming);
      count("ok");
    } catch (error) {
      reply = { status: 502, body: JSON.stringify({ error: error.message }) };
      count("failed");
    }
    outgoing.writeHead(reply.status, { "content-type": "application/json" });
    outgoing.end(reply.body);
  });
  http.keepAliveTimeout = 30_000;
  return http;
}

export const listen = (http, port) => new Promise((resolve) => http.listen(port, "::", resolve));

/** A reply of another server as a value, or an error that says whose it was. */
export async function expectOk(name, promise) {
  const reply = await promise;
  if (reply.status !== 200) throw new Error(`${name} answered ${reply.status}`);
  return reply.body;
}
