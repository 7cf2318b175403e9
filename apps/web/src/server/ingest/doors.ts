/** Where the ingest process listens, by the environment. It opens nothing. */
import type { Env } from "../../env.ts";

export type Door = {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
};

/**
 * With our own certificate there are two: TLS for agents of other machines, and loopback in clear for those of
 * this one, who have no use for a certificate of another name than theirs.
 */
export function doorsOf(e: Env): Door[] {
  if (!e.TLS_CERT_FILE || !e.TLS_KEY_FILE) return [{ host: e.INGEST_HOST, port: e.INGEST_PORT }];
  const tls = { certFile: e.TLS_CERT_FILE, keyFile: e.TLS_KEY_FILE };
  return [
    { host: "127.0.0.1", port: e.INGEST_PORT },
    { host: e.INGEST_HOST, port: e.INGEST_TLS_PORT, tls },
  ];
}
