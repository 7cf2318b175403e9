/**
 * HTTP requests that nothing in an answer can hurt: no redirects, a bounded body, a deadline for the whole
 * exchange, connections kept alive. What an answer means is client.ts's part.
 */
import http from "node:http";
import https from "node:https";

export type HttpRequest = {
  method: "GET" | "POST";
  path: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
  timeoutMs: number;
  maxBytes: number;
};
export type HttpResponse = { status: number; contentType: string; body: Buffer };

export class HttpServer {
  readonly #base: URL;
  readonly #agent: http.Agent;
  #closed = false;

  constructor(base: string) {
    this.#base = new URL(base);
    const options = { keepAlive: true, maxSockets: 4, timeout: 90_000 };
    this.#agent = this.#isTls ? new https.Agent(options) : new http.Agent(options);
  }
  get #isTls(): boolean {
    return this.#base.protocol === "https:";
  }

  /** Rejects for what is no HTTP answer; any status is an answer. */
  request(wanted: HttpRequest): Promise<HttpResponse> {
    if (this.#closed) return Promise.reject(new Error("the agent is ending"));
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        request.destroy(new Error(`no whole answer within ${wanted.timeoutMs} ms`));
      }, wanted.timeoutMs);
      const fail = (error: Error) => {
        clearTimeout(deadline);
        reject(error);
      };
      let answered = false;
      const request = this.open(wanted, (response) => {
        answered = true;
        const tooMuch = () => request.destroy(new Error(`its answer is over ${wanted.maxBytes} bytes`));
        collect(response, wanted.maxBytes, tooMuch).then((answer) => {
          clearTimeout(deadline);
          resolve(answer);
        }, fail);
      });
      request.on("error", fail);
      // Without an error and without a response: an answer that switches protocols just ends.
      request.on("close", () => !answered && fail(new Error("the connection ended without an answer")));
      request.end(wanted.body);
    });
  }

  /** For answers that go on; the caller bounds what it reads. */
  open(wanted: HttpRequest, on: (response: http.IncomingMessage) => void): http.ClientRequest {
    const prefix = this.#base.pathname.replace(/\/$/, "");
    const length = wanted.body ? { "content-length": String(wanted.body.byteLength) } : {};
    const options = {
      ...{ protocol: this.#base.protocol, hostname: this.#base.hostname.replace(/^\[|\]$/g, "") },
      ...{ port: this.#base.port, method: wanted.method, path: `${prefix}${wanted.path}` },
      ...{ agent: this.#agent, headers: { ...wanted.headers, ...length }, maxHeaderSize: 16 << 10 },
    };
    return this.#isTls ? https.request(options, on) : http.request(options, on);
  }
  /** Ends what is under way too; every later request fails. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }
}

function collect(response: http.IncomingMessage, most: number, tooMuch: () => void): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) tooMuch();
      else chunks.push(chunk);
    });
    response.on("error", reject);
    response.on("end", () => {
      const contentType = response.headers["content-type"] ?? "";
      resolve({ status: response.statusCode ?? 0, contentType, body: Buffer.concat(chunks) });
    });
    response.on("close", () => reject(new Error("the answer ended in its middle")));
  });
}
