/**
 * The agent's standing with the control plane: enrol once, say hello, then a heartbeat every few seconds.
 * Whoever sends anything else asks here first whether it is welcome. Keeps trying for ever, slowly where
 * only a person can help.
 */
import fs from "node:fs";
import { type Heartbeat, type HelloInput, PROTOCOL_VERSION } from "@millrace/contract/agent-protocol";
import { Backoff } from "./backoff.ts";
import type { ControlPlane, Failure } from "./client.ts";
import type { CredentialFile } from "./credential.ts";

/** When the answer won't change before somebody does something. */
const SLOW_MS = 30_000;
const TOKEN_WAIT_MS = 5000;
const SKEW_MS = 60_000;

export type SessionState = "connecting" | "connected" | "no-token" | "unauthorized" | "incompatible";
export type ConnectionSessionOptions = {
  client: Pick<ControlPlane, "enrol" | "hello" | "heartbeat" | "setCredential">;
  credential: CredentialFile;
  hostName: string;
  tokenFile: string | undefined;
  hello: () => HelloInput;
  heartbeat: () => Heartbeat;
  nowMs: () => number;
  random: () => number;
  log: (level: "info" | "warn" | "error", text: string) => void;
  onConnected: (intervalMs: number) => void;
};

export class ConnectionSession {
  readonly #o: ConnectionSessionOptions;
  readonly #backoff: Backoff;
  #hasCredential = false;
  #heartbeatMs = 5000;
  #said = "";
  state: SessionState = "connecting";
  /** How far our clock runs ahead of the server's. */
  skewMs = 0;

  constructor(options: ConnectionSessionOptions) {
    this.#o = options;
    this.#backoff = new Backoff({ firstMs: 500, limitMs: 15_000, random: options.random });
  }
  get isConnected(): boolean {
    return this.state === "connected";
  }

  /** One step; answers how long to wait before the next. */
  async step(): Promise<number> {
    if (!this.#hasCredential && !(await this.#obtainCredential())) return this.#wait();
    if (!this.isConnected) return this.#greet();
    const answer = await this.#o.client.heartbeat(this.#o.heartbeat());
    if (answer.ok) {
      this.#compareClocks(answer.value.serverTimeMs);
      return this.#heartbeatMs;
    }
    return this.#failed(answer);
  }

  /** Another request was told that the credential is no good. */
  lost(): void {
    if (this.isConnected) this.state = "connecting";
  }

  async #greet(): Promise<number> {
    const answer = await this.#o.client.hello(this.#o.hello());
    if (!answer.ok) return this.#failed(answer);
    this.state = "connected";
    this.#heartbeatMs = answer.value.heartbeatMs;
    this.#backoff.succeeded();
    this.#say("info", `connected as host ${answer.value.hostId}`);
    this.#compareClocks(answer.value.serverTimeMs);
    this.#o.onConnected(answer.value.intervalMs);
    return 0;
  }

  async #obtainCredential(): Promise<boolean> {
    const { client, credential, hostName: host } = this.#o;
    const stored = credential.read();
    if (stored) return this.#use(stored.credential);
    const token = this.#token();
    if (!token) {
      this.state = "no-token";
      this.#say("warn", "not enrolled: a one-time token is needed, see --enrol-token-file");
      return false;
    }
    const key = credential.prepare();
    const answer = await client.enrol({ protocol: PROTOCOL_VERSION, token, host, key });
    if (!answer.ok) {
      this.#note(answer);
      return false;
    }
    credential.write(answer.value);
    this.#say("info", `enrolled as host ${answer.value.hostId}`);
    return this.#use(answer.value.credential);
  }
  #use(credential: string): boolean {
    this.#o.client.setCredential(credential);
    this.#hasCredential = true;
    return true;
  }
  #token(): string | undefined {
    try {
      return this.#o.tokenFile && fs.readFileSync(this.#o.tokenFile, "utf8").trim();
    } catch {
      return undefined; // it may yet be put there
    }
  }

  /** The server refuses batches from its future, so this must be said before they are given up. */
  #compareClocks(serverTimeMs: number): void {
    this.skewMs = Math.round(this.#o.nowMs() - serverTimeMs);
    if (Math.abs(this.skewMs) < SKEW_MS) return;
    const minutes = Math.round(this.skewMs / 60_000);
    this.#say("warn", `this host's clock is ${minutes} minutes ahead of the server's: set one of them`);
  }

  #failed(failure: Failure): number {
    this.#note(failure);
    return Math.max(failure.pauseMs, this.#wait());
  }
  #note({ kind, reason }: Failure): void {
    this.state = kind === "unauthorized" || kind === "incompatible" ? kind : "connecting";
    if (kind === "unauthorized") {
      this.#hasCredential = false; // a new one may have been put in its place
      this.#say("error", `the server does not accept this agent and nothing is sent: ${reason}`);
    } else if (kind === "incompatible")
      this.#say("error", `this agent speaks protocol ${PROTOCOL_VERSION}: ${reason}`);
    else this.#say("warn", reason);
  }
  #wait(): number {
    if (this.state === "no-token") return TOKEN_WAIT_MS;
    if (this.state === "unauthorized" || this.state === "incompatible") return SLOW_MS;
    return this.#backoff.failed();
  }
  /** The same trouble is told once, not at every try. */
  #say(level: "info" | "warn" | "error", text: string): void {
    if (text !== this.#said) this.#o.log(level, text);
    this.#said = text;
  }
}
