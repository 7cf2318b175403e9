/** A container runtime as far as a plugin can tell: variables, a configuration on standard input, what comes back. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { onTestFinished } from "vitest";

export const PLUGIN = path.join(import.meta.dirname, "../build/millrace-cni");

export type Outcome = {
  code: number | null;
  signal: NodeJS.Signals | null;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  printed: any;
};
export type Call = {
  command?: string;
  /** Those of an attachment are there unless they are undefined here. */
  env?: Record<string, string | undefined>;
  /** Text and bytes are given as they are. */
  config?: object | string | Buffer;
};

export const NETNS = "/run/netns/c1";
const ATTACHMENT = { CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_NETNS: NETNS, CNI_PATH: "/opt/cni/bin" };

export function start({ command, env = {}, config = {} }: Call): {
  process: ChildProcess;
  ended: Promise<Outcome>;
} {
  const given = { ...ATTACHMENT, ...(command === undefined ? {} : { CNI_COMMAND: command }), ...env };
  const plugin = spawn(PLUGIN, { env: given as NodeJS.ProcessEnv, stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void plugin.kill("SIGKILL"));
  let text = "";
  plugin.stdout.on("data", (chunk) => (text += chunk));
  plugin.stdin.on("error", () => {}); // it may refuse before it has read everything
  plugin.stdin.end(typeof config === "string" || Buffer.isBuffer(config) ? config : JSON.stringify(config));
  const ended = new Promise<Outcome>((resolve, reject) => {
    plugin.on("error", reject);
    plugin.on("close", (code, signal) =>
      resolve({ code, signal, text, printed: text ? JSON.parse(text) : undefined }),
    );
  });
  return { process: plugin, ended };
}

export const call = (what: Call): Promise<Outcome> => start(what).ended;
