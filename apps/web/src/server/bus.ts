/**
 * Postgres' LISTEN and NOTIFY as the bus between our processes. A payload is a hint under 8,000 bytes (ids,
 * never data): who hears it reads anew. Whenever it has connected, every listener is called with null:
 * something may have been missed. It keeps nothing.
 */
import pg from "pg";
import { databaseUrl, type Queryable } from "./db.ts";

/**
 * A batch's id; a trace session's id, when its state changed or when it has new events; a host's id; the ids of
 * hosts whose routes or blocks, policies, or services may have changed, with commas between, or "*" for all.
 */
export const CHANNELS = [
  "millrace_batches",
  "millrace_traces",
  "millrace_trace_events",
  "millrace_agents",
  "millrace_network",
  "millrace_policy",
  "millrace_service",
] as const;
export type Channel = (typeof CHANNELS)[number];
/** null: connected, at first or again: read everything anew. */
export type Listener = (payload: string | null) => void;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export class Bus {
  readonly #url: string;
  readonly #listeners = new Map<Channel, Set<Listener>>();
  #client: pg.Client | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** Connects at the first call. Returns how to stop listening. */
  listen(channel: Channel, listener: Listener): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    if (!this.#client && !this.#retry) this.#schedule(0);
    return () => listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), ms);
    this.#retry.unref();
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: "millrace-bus",
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    let over = false;
    const lost = () => {
      if (over) return;
      over = true;
      if (this.#client === client) this.#client = undefined;
      client.end().catch(() => {});
      this.#schedule(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ channel, payload }) => this.#deliver(channel as Channel, payload ?? ""));
    try {
      await client.connect();
      for (const channel of CHANNELS) await client.query(`listen ${channel}`);
    } catch {
      return lost();
    }
    this.#connected(client);
  }

  #connected(client: pg.Client): void {
    if (this.#closed) return void client.end().catch(() => {});
    this.#retry = undefined;
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
    for (const channel of CHANNELS) this.#deliver(channel, null);
  }

  #deliver(channel: Channel, payload: string | null): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener(payload);
  }
}

/** Sent when the surrounding transaction commits. */
export async function notify(connection: Queryable, channel: Channel, payload: string): Promise<void> {
  await connection.query("select pg_notify($1, $2)", [channel, payload]);
}

/** A notification holds under 8,000 bytes: so many numbers of ten digits. */
const TOLD_AT_ONCE = 700;
export type HostChannel = "millrace_network" | "millrace_policy" | "millrace_service";
export async function notifyHosts(
  connection: Queryable,
  channel: HostChannel,
  hostIds: readonly number[],
): Promise<void> {
  for (let at = 0; at < hostIds.length; at += TOLD_AT_ONCE)
    await notify(connection, channel, hostIds.slice(at, at + TOLD_AT_ONCE).join(","));
}

const place = globalThis as { millraceBus?: Bus };
export function bus(): Bus {
  place.millraceBus ??= new Bus(databaseUrl());
  return place.millraceBus;
}
export async function closeBus(): Promise<void> {
  const old = place.millraceBus;
  place.millraceBus = undefined;
  await old?.close();
}
