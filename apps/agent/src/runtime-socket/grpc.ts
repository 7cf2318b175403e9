/** One unary gRPC call over a unix socket: its answer bounded in time and size, its failure in words. */
import type * as Grpc from "@grpc/grpc-js";
import { asFailure, SocketFailure } from "./failure.ts";
import type { Message } from "./schema.ts";
import { ANSWER_BYTES, ANSWER_MS } from "./told.ts";

export type UnaryCall<A> = {
  socket: string;
  /** /package.Service/Method */
  method: string;
  question: Uint8Array;
  answer: Message<A>;
  headers?: Record<string, string>;
};
const OPTIONS = {
  "grpc.max_receive_message_length": ANSWER_BYTES,
  "grpc.enable_retries": 0,
  // A connection that failed is not remembered: when to ask again is the inquiry's to say.
  "grpc.use_local_subchannel_pool": 1,
};

/** The server understood and refused. */
export class GrpcRefusal extends SocketFailure {
  readonly isUnimplemented: boolean;
  constructor(socket: string, { code, details }: Grpc.ServiceError, { status }: typeof Grpc) {
    super(socket, `refused with gRPC status ${code}: ${details}`);
    this.isUnimplemented = code === status.UNIMPLEMENTED;
  }
}

export async function unary<A>(call: UnaryCall<A>): Promise<A> {
  // Not before a socket is asked: where there is only Docker or podman, its 6 MB are never loaded.
  const grpc = await import("@grpc/grpc-js");
  const client = new grpc.Client(`unix:${call.socket}`, grpc.credentials.createInsecure(), OPTIONS);
  try {
    return read(call, await exchange(client, call, grpc));
  } finally {
    client.close();
  }
}

function exchange(
  client: Grpc.Client,
  call: Omit<UnaryCall<unknown>, "answer">,
  grpc: typeof Grpc,
): Promise<Buffer> {
  const { socket, method, question, headers = {} } = call;
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  const deadline = Date.now() + ANSWER_MS;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(method, asBuffer, asBuffer, question, metadata, { deadline }, (error, answer) => {
      if (error) reject(inWords(socket, error, grpc));
      else resolve(answer ?? Buffer.alloc(0));
    });
  });
}

function read<A>({ socket, answer }: UnaryCall<A>, bytes: Uint8Array): A {
  try {
    return answer.decode(bytes);
  } catch (error) {
    throw new SocketFailure(socket, `gave an answer that can't be read: ${(error as Error).message}`);
  }
}

function inWords(socket: string, error: Grpc.ServiceError, grpc: typeof Grpc): SocketFailure {
  const { status } = grpc;
  if (error.code === undefined)
    return new SocketFailure(socket, `gave an answer that can't be read: ${error.message}`);
  if (error.code === status.DEADLINE_EXCEEDED)
    return new SocketFailure(socket, `gave no whole answer within ${ANSWER_MS / 1000} s`);
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes("larger than max"))
    return new SocketFailure(socket, `gave an answer of more than ${ANSWER_BYTES >> 20} MB`);
  if (error.code !== status.UNAVAILABLE) return new GrpcRefusal(socket, error, grpc);
  const code = /\b(?:ENOENT|EACCES|EPERM|ECONNREFUSED)\b/.exec(error.details)?.[0];
  return asFailure(socket, { code, message: error.details });
}
