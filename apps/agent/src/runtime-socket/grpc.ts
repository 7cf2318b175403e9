/**
 * One unary gRPC call over a unix socket, on Node's own HTTP/2: what a list of containers needs of gRPC, no
 * streams, no compression, no retries. The answer is bounded in time and size.
 */
import http2 from "node:http2";
import net from "node:net";
import { asFailure, SocketFailure } from "./failure.ts";
import { ANSWER_BYTES, ANSWER_MS } from "./told.ts";

export type UnaryCall = {
  socket: string;
  /** /package.Service/Method */
  method: string;
  message: Uint8Array;
  headers?: Record<string, string>;
};
const PREFIX_BYTES = 5; // not compressed, length
export const UNIMPLEMENTED = 12;

/** The server understood and refused; `code` is gRPC's. */
export class GrpcRefusal extends SocketFailure {
  readonly code: number;
  constructor(socket: string, code: number, message: string) {
    super(socket, `refused with gRPC status ${code}: ${message}`);
    this.code = code;
  }
}

export async function unary(call: UnaryCall): Promise<Uint8Array> {
  const session = http2.connect("http://localhost", { createConnection: () => net.connect(call.socket) });
  let giveUp: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      // Also of what the stream says: a session may end without an error of its own.
      session.on("error", reject);
      session.on("close", () => reject(new SocketFailure(call.socket, "hung up in mid-answer")));
      const late = new SocketFailure(call.socket, `gave no whole answer within ${ANSWER_MS / 1000} s`);
      giveUp = setTimeout(() => reject(late), ANSWER_MS);
      exchange(session, call).then(resolve, reject);
    });
  } catch (error) {
    throw asFailure(call.socket, error);
  } finally {
    clearTimeout(giveUp);
    session.destroy();
  }
}

function exchange(session: http2.ClientHttp2Session, call: UnaryCall): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status: http2.IncomingHttpHeaders = {};
    const stream = session.request({
      ...{ ":method": "POST", ":path": call.method, "content-type": "application/grpc", te: "trailers" },
      ...call.headers,
    });
    // A refusal may come as headers alone.
    stream.on("response", (headers) => {
      status = headers;
    });
    stream.on("trailers", (trailers) => {
      status = trailers;
    });
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= ANSWER_BYTES + PREFIX_BYTES) chunks.push(chunk);
      else reject(new SocketFailure(call.socket, `gave an answer of more than ${ANSWER_BYTES >> 20} MB`));
    });
    stream.on("end", () => {
      const code = Number(status["grpc-status"] ?? Number.NaN);
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new GrpcRefusal(call.socket, code, String(status["grpc-message"] ?? "")));
    });
    stream.on("error", reject);
    stream.end(framed(call.message));
  }).then((answer) => unframed(call.socket, answer as Buffer));
}

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function unframed(socket: string, answer: Buffer): Uint8Array {
  const whole = answer.length >= PREFIX_BYTES && answer.readUInt32BE(1) === answer.length - PREFIX_BYTES;
  if (!whole || answer[0] !== 0) throw new SocketFailure(socket, "gave an answer that can't be read");
  return answer.subarray(PREFIX_BYTES);
}
