/**
 * The people's way in: the dashboard's server as `npm start` runs it, a personal token of an operator's, and with it
 * `millrace` and the operator API. What an answer must look like is the contract's to say.
 */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import path from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { type ByServiceName, WholePolicyView, WholeServiceView } from "@millrace/contract/declared";
import { DeletedDocuments, type DocumentName, DocumentsOutput } from "@millrace/contract/document";
import { z } from "zod";
import { at } from "../../tools/paths.mjs";
import { freePort } from "../../tools/up/preflight.mjs";
import { Child, until } from "./child.ts";

const run = promisify(execFile);
const WEB = path.join(at("apps/web/.next/standalone/apps/web"), "server.js");
const CLI = at("apps/cli/build/main.js");

export type Document = Record<string, unknown>;
type Applied = Extract<DocumentsOutput, { ok: true }>["documents"];

export class Operator {
  readonly web: Child;
  readonly #url: string;
  #token = "";

  private constructor(web: Child, url: string) {
    this.web = web;
    this.#url = url;
  }

  /** `signIn`: the first administrator's, who makes the token. */
  static async open(
    env: Record<string, string>,
    signIn: { email: string; password: string },
  ): Promise<Operator> {
    const port = String(await freePort());
    const host = "127.0.0.1";
    const web = new Child("web", ["--enable-source-maps", WEB], {
      ...{ ...env, HOST: host, HOSTNAME: host, PORT: port },
    });
    const operator = new Operator(web, `http://${host}:${port}`);
    await operator.start();
    await operator.#makeToken(signIn);
    return operator;
  }

  async start(): Promise<void> {
    this.web.start();
    const healthy = () =>
      fetch(`${this.#url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until("the dashboard's server is ready", healthy, {
      deadlineMs: 60_000,
      explain: () => this.web.output.slice(-2000),
    });
  }

  async #makeToken(signIn: { email: string; password: string }): Promise<void> {
    const signedIn = await this.#post("/api/auth/sign-in/email", signIn);
    if (!signedIn.ok) throw new Error(`sign-in: ${signedIn.status} ${await signedIn.text()}`);
    const cookie = signedIn.headers.getSetCookie().map((one) => one.split(";", 1)[0]);
    const wanted = { name: "system test", role: "operator", expiresInDays: 1 };
    const { token } = await this.#call("tokens.create", wanted, z.object({ token: z.string() }), {
      cookie: cookie.join("; "),
    });
    this.#token = token;
  }

  /** `millrace …`, and the lines it said. */
  async millrace(args: readonly string[], stdin = ""): Promise<string[]> {
    const asked = run(process.execPath, [CLI, ...args], { env: this.#environment() });
    asked.child.stdin?.end(stdin);
    return (await asked).stdout.trim().split("\n");
  }
  /** The same as a process, for a test that looks at its end, or brings it about. */
  begin(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
    return spawn(process.execPath, [CLI, ...args], {
      env: this.#environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
  #environment(): NodeJS.ProcessEnv {
    const mine = { MILLRACE_SERVER: this.#url, MILLRACE_TOKEN: this.#token, MILLRACE_CONFIG: "/dev/null" };
    return { ...process.env, ...mine };
  }
  /** As a person would, in one go. */
  apply(...documents: Document[]): Promise<string[]> {
    return this.millrace(["apply", "-f", "-"], documents.map((one) => JSON.stringify(one)).join("\n---\n"));
  }

  /** Without the second that a program takes to start. */
  async applyQuickly(documents: readonly Document[]): Promise<Applied> {
    const answer = await this.#call("documents.applyAll", { documents }, DocumentsOutput);
    if (!answer.ok) throw new Error(`not applied: ${JSON.stringify(answer.problems)}`);
    return answer.documents;
  }
  async deleteQuickly(documents: readonly DocumentName[]): Promise<void> {
    await this.#call("documents.delete", { documents }, DeletedDocuments);
  }

  /** The virtual ones of a service, by its namespace and name. */
  async serviceAddresses(name: string): Promise<string[]> {
    const [text = ""] = await this.millrace(["get", "svc", name, "-o", "json"]);
    return z.object({ status: z.object({ addresses: z.array(z.string()) }) }).parse(JSON.parse(text)).status
      .addresses;
  }

  policy(number: number): Promise<WholePolicyView> {
    return this.#ask("policies.get", { number }, WholePolicyView);
  }
  service(of: ByServiceName): Promise<WholeServiceView> {
    return this.#ask("services.get", of, WholeServiceView);
  }

  async #ask<T>(procedure: string, wanted: object, output: z.ZodType<T>): Promise<T> {
    const input = encodeURIComponent(JSON.stringify(wanted));
    const response = await fetch(`${this.#url}/api/trpc/${procedure}?input=${input}`, {
      headers: { authorization: `Bearer ${this.#token}` },
    });
    return resultIn(await response.text(), output);
  }
  async #call<T>(
    procedure: string,
    input: object,
    output: z.ZodType<T>,
    headers: Record<string, string> = { authorization: `Bearer ${this.#token}` },
  ): Promise<T> {
    const response = await this.#post(`/api/trpc/${procedure}`, input, headers);
    return resultIn(await response.text(), output);
  }
  #post(to: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#url}${to}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: this.#url, ...headers },
      body: JSON.stringify(body),
    });
  }
}

function resultIn<T>(text: string, output: z.ZodType<T>): T {
  const read = z.object({ result: z.object({ data: output }) }).safeParse(JSON.parse(text));
  if (!read.success) throw new Error(`the operator API answers ${text.slice(0, 1000)}`);
  return read.data.result.data;
}
