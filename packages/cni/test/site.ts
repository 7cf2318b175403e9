/** An agent's CNI side with attachments that make no links, and a runtime with a network of it. */
import path from "node:path";
import { onTestFinished } from "vitest";
import { CniHandler } from "../../../apps/agent/src/cni/handler.ts";
import { type CniLimits, CniServer } from "../../../apps/agent/src/cni/server.ts";
import { FakeAttachments } from "../../../apps/agent/src/testing/fake-attachments.ts";
import { temporaryDirectory } from "../../../apps/agent/src/testing/temporary.ts";
import { type Call, call, type Outcome, start } from "./runtime.ts";

export class Site {
  readonly socket = path.join(temporaryDirectory("plugin"), "cni.sock");
  /** Outlives the agents, as what is on a host does. */
  readonly attachments = new FakeAttachments();
  readonly unforeseen: unknown[] = [];

  /** One life of an agent. */
  async agent(limits: Partial<CniLimits> = {}): Promise<CniServer> {
    const onError = (error: unknown) => void this.unforeseen.push(error);
    const handler = new CniHandler(this.attachments, onError);
    const server = new CniServer({
      ...{ socket: this.socket, onError, limits },
      answer: (line) => handler.answer(line),
    });
    onTestFinished(() => server.close());
    await server.listen();
    return server;
  }

  config(keys: object = {}): object {
    return {
      cniVersion: "1.1.0",
      name: "pods",
      type: "millrace",
      agentSocket: this.socket,
      waitMs: 0,
      ...keys,
    };
  }
  run(command: string, keys: object = {}, env: Call["env"] = {}): Promise<Outcome> {
    return call({ command, env, config: this.config(keys) });
  }
  start(command: string, keys: object = {}, env: Call["env"] = {}) {
    return start({ command, env, config: this.config(keys) });
  }
}

export async function site(limits: Partial<CniLimits> = {}): Promise<Site & { server: CniServer }> {
  const made = new Site();
  return Object.assign(made, { server: await made.agent(limits) });
}
