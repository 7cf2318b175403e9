/** The whole ingest process inside a test: real HTTP on a free port, the test's own database. Test material. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import pino from "pino";
import { closeBus } from "../bus.ts";
import { systemClock } from "../clock.ts";
import { closeDatabase, useDatabase as openDatabase, pool } from "../db.ts";
import { createIngestServer } from "../ingest/http.ts";
import { Ingest } from "../ingest/ingest.ts";
import { Maintenance } from "../ingest/maintenance.ts";
import { hashSecret } from "../secret.ts";

export type Answer = {
  status: number;
  result: unknown;
  error: { message: string; data: ErrorData } | undefined;
};
type ErrorData = { app: string; retryable: boolean; pauseMs: number };

export class IngestInstance {
  readonly ingest: Ingest;
  readonly maintenance: Maintenance;
  readonly #server: Server;
  url = "";

  private constructor() {
    this.ingest = new Ingest({ clock: systemClock, log: pino({ level: "silent" }) });
    this.maintenance = new Maintenance(this.ingest);
    this.#server = createIngestServer({
      ingest: this.ingest,
      readiness: async () => this.maintenance.failure,
    });
  }

  static async start(databaseUrl: string): Promise<IngestInstance> {
    await openDatabase(databaseUrl);
    const instance = new IngestInstance();
    await instance.maintenance.once();
    await new Promise<void>((resolve) => instance.#server.listen(0, "127.0.0.1", resolve));
    instance.url = `http://127.0.0.1:${(instance.#server.address() as AddressInfo).port}`;
    return instance;
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.ingest.close();
    await closeBus();
    await closeDatabase();
  }

  /** How many are open now. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  /** A host with its credential, by the way an agent takes. */
  async enrol(host: string): Promise<string> {
    const token = `mre_${host}_0123456789abcdef`;
    await pool().query(
      `insert into enrol_tokens (id, hash, host_name, created_by, expires_at)
       values (gen_random_uuid(), $1, $2, 'test', now() + interval '1 hour')`,
      [hashSecret(token), host],
    );
    const answer = await this.call("agent.enrol", { protocol: PROTOCOL_VERSION, token, host });
    return (answer.result as { credential: string }).credential;
  }

  call(path: string, input: unknown, credential = ""): Promise<Answer> {
    return this.send(path, JSON.stringify(input), {
      "content-type": "application/json",
      ...bearer(credential),
    });
  }
  push(bytes: Uint8Array, credential: string, headers: Record<string, string> = {}): Promise<Answer> {
    const type = { "content-type": "application/octet-stream", ...bearer(credential), ...headers };
    return this.send("telemetry.push", bytes, type);
  }
  async send(path: string, body: string | Uint8Array, headers: Record<string, string>): Promise<Answer> {
    const response = await fetch(`${this.url}/trpc/${path}`, {
      method: "POST",
      body: body as BodyInit,
      headers,
    });
    const answer = (await response.json()) as { result?: { data: unknown }; error?: Answer["error"] };
    return { status: response.status, result: answer.result?.data, error: answer.error };
  }
}

const bearer = (credential: string): Record<string, string> =>
  credential ? { authorization: `Bearer ${credential}` } : {};

export async function rows<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await pool().query<T>(text, values)).rows;
}
