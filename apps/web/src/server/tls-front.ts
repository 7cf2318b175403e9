/**
 * Our own TLS: ends it here and passes the bytes on to Next's server, which listens on loopback only. It knows
 * nothing of HTTP. Behind a proxy (TRUST_PROXY) it isn't needed.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer, type Server } from "node:tls";
import { standsFor } from "./client-address.ts";

export type Certificate = { cert: Buffer; key: Buffer };
export const readCertificate = (certFile: string, keyFile: string): Certificate => ({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
});

const MOST_CONNECTIONS = 2000;
const HANDSHAKE_MS = 10_000;

/** Listens on host and port; `behind` is the loopback port of the plain server. */
export function startTlsFront(
  at: { host: string; port: number; behind: number },
  { cert, key }: Certificate,
): Server {
  const options = { cert, key, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_MS } as const;
  const server = createServer({ ...options, ALPNProtocols: ["http/1.1"] }, (outer) => {
    const inner = connect({ host: "127.0.0.1", port: at.behind });
    standsFor(inner, outer);
    for (const [socket, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
      socket.pipe(other);
    }
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server.listen(at.port, at.host);
}
