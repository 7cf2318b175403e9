/**
 * Whom a request comes from, where no proxy says so: the socket's address, written over a header of ours before Next
 * sees the request. Next hands its handlers no socket, and believes what a client writes in x-forwarded-for. Behind
 * our own TLS the socket is that of tls-front.ts, which tells here for whom it stands.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export const CLIENT_ADDRESS = "x-millrace-client-address";
const REQUESTS = "http.server.request.start";

/** By the loopback port that the front talks to the server behind it from. */
const fronted = new Map<number, string>();

/** While the inner connection lasts it stands for the outer one. */
export function standsFor(inner: Socket, outer: Socket): void {
  inner.once("connect", () => {
    const { localPort } = inner;
    if (localPort === undefined || outer.remoteAddress === undefined) return;
    fronted.set(localPort, outer.remoteAddress);
    inner.once("close", () => fronted.delete(localPort));
  });
}

function stamp(message: unknown): void {
  const { request, socket } = message as { request: IncomingMessage; socket: Socket };
  const { remoteAddress = "", remotePort = 0 } = socket;
  const address = (isLoopback(remoteAddress) && fronted.get(remotePort)) || remoteAddress;
  request.headers[CLIENT_ADDRESS] = address.replace(/^::ffff:/, "");
}
const isLoopback = (address: string): boolean => /^(::ffff:)?127\.|^::1$/.test(address);

/** For every HTTP server of this process; returns what ends it. */
export function stampClientAddresses(): () => void {
  subscribe(REQUESTS, stamp);
  return () => void unsubscribe(REQUESTS, stamp);
}
