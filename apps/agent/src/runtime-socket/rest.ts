/**
 * One GET of a JSON document over a unix socket, as Docker and podman serve them. The answer is bounded in
 * time and size and checked by a schema; it's not a general HTTP client.
 */
import http from "node:http";
import type { z } from "zod";
import { asFailure, SocketFailure } from "./failure.ts";
import { ANSWER_BYTES, ANSWER_MS } from "./told.ts";

export async function getJson<T>(socket: string, path: string, schema: z.ZodType<T>): Promise<T> {
  const body = await get(socket, path).catch((error) => {
    throw asFailure(socket, error);
  });
  const parsed = schema.safeParse(parseOrUndefined(body));
  if (!parsed.success) throw new SocketFailure(socket, `gave an answer to ${path} that can't be read`);
  return parsed.data;
}

function get(socket: string, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const request = http.get({ socketPath: socket, path, agent: false }, (response) => {
      if (response.statusCode !== 200) fail(`answered ${path} with status ${response.statusCode}`);
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_BYTES) fail(`gave an answer of more than ${ANSWER_BYTES >> 20} MB`);
        else chunks.push(chunk);
      });
      response.on("end", () => done(() => resolve(Buffer.concat(chunks))));
      response.on("error", (error) => done(() => reject(error)));
    });
    // Of the whole answer: one that trickles in would never be idle.
    const timer = setTimeout(() => fail(`gave no whole answer within ${ANSWER_MS / 1000} s`), ANSWER_MS);
    const done = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    const fail = (why: string) => request.destroy(new SocketFailure(socket, why));
    request.on("error", (error) => done(() => reject(error)));
    request.on("close", () => done(() => reject(new SocketFailure(socket, "hung up in mid-answer"))));
  });
}

function parseOrUndefined(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
