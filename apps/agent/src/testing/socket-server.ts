/** Servers on unix sockets that say what a test wants: HTTP as Docker and podman speak it, and gRPC. Tests only. */
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import path from "node:path";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./temporary.ts";

const freshSocket = (): string => path.join(temporaryDirectory("socket"), "x.sock");

async function listening(server: net.Server, socket: string): Promise<string> {
  const open = new Set<net.Socket>();
  server.on("connection", (connection: net.Socket) => {
    open.add(connection);
    connection.on("error", () => connection.destroy());
  });
  onTestFinished(() => {
    for (const connection of open) connection.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return socket;
}

export function restServer(answer: (url: string, response: http.ServerResponse) => void): Promise<string> {
  const server = http.createServer((request, response) => answer(request.url ?? "", response));
  return listening(server, freshSocket());
}

/** Anything at all, written to whoever connects. */
export const rawServer = (greet: (connection: net.Socket) => void): Promise<string> =>
  listening(net.createServer(greet), freshSocket());

export type GrpcRequest = { method: string; headers: http2.IncomingHttpHeaders; message: Buffer };
/** A message, a refusal, or bytes as they are. */
export type GrpcAnswer = { message: Uint8Array } | { refuse: number } | { raw: Uint8Array };

export function grpcServer(answer: (request: GrpcRequest) => GrpcAnswer): Promise<string> {
  const server = http2.createServer();
  server.on("stream", (stream, headers) => {
    stream.on("error", () => stream.destroy());
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const message = Buffer.concat(chunks).subarray(5);
      reply(stream, answer({ method: String(headers[":path"]), headers, message }));
    });
  });
  return listening(server as unknown as net.Server, freshSocket());
}

function reply(stream: http2.ServerHttp2Stream, given: GrpcAnswer): void {
  const head = { ":status": 200, "content-type": "application/grpc" };
  if ("refuse" in given) {
    stream.respond(
      { ...head, "grpc-status": String(given.refuse), "grpc-message": "no" },
      { endStream: true },
    );
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  if ("raw" in given) stream.end(given.raw);
  else {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(given.message.length, 1);
    stream.end(Buffer.concat([prefix, given.message]));
  }
}
