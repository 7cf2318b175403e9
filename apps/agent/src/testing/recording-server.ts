/** A control plane that takes everything and remembers it, on a free port of loopback. Tests only. */
import http from "node:http";
import {
  type DesiredTrace,
  Heartbeat,
  HelloInput,
  TracePush,
  TraceReport,
} from "@millrace/contract/agent-protocol";
import type { TraceEvent } from "@millrace/contract/trace";
import { Ledger } from "./ledger.ts";

export class RecordingServer {
  readonly ledger = new Ledger();
  readonly hellos: HelloInput[] = [];
  readonly reports: TraceReport[] = [];
  readonly events: TraceEvent[] = [];
  /** What hosts are to run now. */
  traces: DesiredTrace[] = [];
  heartbeat: Heartbeat | undefined;
  /** Every so many pushes are stored and then not answered, as when the network breaks. */
  breakEvery = 0;
  /** Takes requests and never answers. */
  silent = false;
  #pushes = 0;
  readonly #server = http.createServer((request, response) => this.#collect(request, response));

  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        resolve(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
      });
    });
  }
  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #collect(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (this.silent) return;
      const procedure = (request.url ?? "").replace(/^\/trpc\//, "");
      const data = this.#answer(procedure, request, Buffer.concat(chunks));
      if (data === undefined) response.writeHead(404).end("{}");
      else if (data === "break") request.socket.destroy();
      else response.writeHead(200).end(JSON.stringify({ result: { data } }));
    });
  }

  #answer(procedure: string, request: http.IncomingMessage, body: Buffer): unknown {
    const json = () => JSON.parse(body.toString());
    const serverTimeMs = Date.now();
    switch (procedure) {
      case "agent.enrol":
        return { hostId: 1, credential: "a-credential" };
      case "agent.hello":
        this.hellos.push(HelloInput.parse(json()));
        return { hostId: 1, serverTimeMs, intervalMs: 200, heartbeatMs: 500 };
      case "agent.heartbeat":
        this.heartbeat = Heartbeat.parse(json());
        return { serverTimeMs };
      case "telemetry.push": {
        const answer = this.ledger.store(body, request.headers["content-encoding"] === "br" ? "br" : false);
        return this.breakEvery && ++this.#pushes % this.breakEvery === 0 ? "break" : answer;
      }
      case "trace.desired":
        return { traces: this.traces, serverTimeMs };
      case "trace.report":
        this.reports.push(TraceReport.parse(json()));
        return null;
      case "trace.push":
        this.events.push(...TracePush.parse(json()).events);
        return null;
      default:
        return undefined;
    }
  }
}
