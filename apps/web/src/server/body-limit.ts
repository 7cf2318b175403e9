/**
 * Bodies of the operator API and of sign-in are read here, up to a bound, before anybody asks who sent them:
 * Next sets none, and a stranger could fill our memory. Agents' bodies are ingest/http.ts's.
 */
import { ERROR_CODES } from "@millrace/contract/error";

/** A trace on a thousand hosts: under 140 kB. */
export const BODY_MAX_BYTES = 256 << 10;
/** Documents that are applied or tried together are the longest thing anybody says. */
export const DOCUMENTS_MAX_BYTES = 1 << 20;
const DOCUMENTS = /\/(documents\.(applyAll|check)|policies\.whatIf)$/;

/** The same request with its body read, or the answer that it is too long. */
export async function bounded(request: Request): Promise<Request | Response> {
  if (!request.body) return request;
  const most = DOCUMENTS.test(new URL(request.url).pathname) ? DOCUMENTS_MAX_BYTES : BODY_MAX_BYTES;
  if (Number(request.headers.get("content-length") ?? 0) > most) return tooLarge(most);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > most) return tooLarge(most);
    parts.push(part);
  }
  const { method, headers, signal } = request;
  return new Request(request.url, { method, headers, signal, body: Buffer.concat(parts) });
}

function tooLarge(most: number): Response {
  const { http, trpc } = ERROR_CODES.TOO_LARGE;
  const message = `A body is at most ${most} bytes`;
  const data = { code: trpc, httpStatus: http, app: "TOO_LARGE" };
  return Response.json({ message, error: { message, code: -32_013, data } }, { status: http });
}
