/** Where browsers reach us, and whether a request really comes from our own pages (against CSRF). */
import { AppError } from "@millrace/contract/error";
import { type Env, isLoopback } from "../env.ts";

/** The dashboard's address as people type it. */
export function publicUrl(e: Env): string {
  if (e.PUBLIC_URL) return new URL(e.PUBLIC_URL).origin;
  const host = e.HOST.includes(":") ? `[${e.HOST}]` : e.HOST;
  return e.TLS_CERT_FILE ? `https://${host}:${e.TLS_PORT}` : `http://${host}:${e.PORT}`;
}

/** On loopback every name of loopback is us. */
export function trustedOrigins(e: Env): string[] {
  const own = new URL(publicUrl(e));
  if (!isLoopback(own.hostname)) return [own.origin];
  const port = own.port ? `:${own.port}` : "";
  return ["127.0.0.1", "localhost", "[::1]"].map((host) => `${own.protocol}//${host}${port}`);
}

/**
 * A cookie is sent by whatever page makes the request; only our own may use it. Browsers say where a request
 * comes from in headers a page can't forge; a change that doesn't say is refused.
 */
export function foreignRequest(e: Env, headers: Headers, method: string): AppError | null {
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  const ours = origin !== null && trustedOrigins(e).includes(origin);
  if (site === "same-origin" || ours) return null;
  const reads = method === "GET" || method === "HEAD";
  if (reads && (site === null || site === "none") && origin === null) return null;
  return new AppError("FORBIDDEN", `${method} with our cookie from ${origin ?? "nowhere"} (${site ?? "?"})`, {
    publicMessage: "This request doesn't come from Millrace's own pages",
  });
}

/** Where agents reach the ingest process. */
export function ingestUrl(e: Env): string {
  const host = e.PUBLIC_URL ? new URL(e.PUBLIC_URL).hostname : e.INGEST_HOST;
  const shown = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return e.TLS_CERT_FILE ? `https://${shown}:${e.INGEST_TLS_PORT}` : `http://${shown}:${e.INGEST_PORT}`;
}
