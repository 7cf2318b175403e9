// The processes of one instance as data: command, environment and place of each. Pure, so that a test can
// read what would be run; starting them is service.mjs's, in which order serve.mjs's.
import path from "node:path";
import { agentCommand } from "../agent-command.mjs";
import { at } from "../paths.mjs";
import { agentVariables, serverVariables } from "./environment.mjs";
import { labProgram } from "./leftovers.mjs";
import { guard } from "./service.mjs";

const standalone = at("apps/web/.next/standalone/apps/web");

/** @param {import("./instance.mjs").Instance} instance @param {import("./secrets.mjs").Secrets} secrets
 *  @param {string} databaseUrl @param {NodeJS.ProcessEnv} [given] @returns {Record<string, string>} */
export function serverEnv(instance, secrets, databaseUrl, given = {}) {
  return {
    ...serverVariables(given),
    NODE_ENV: "production",
    DATABASE_URL: databaseUrl,
    BETTER_AUTH_SECRET: secrets.authSecret,
    HOST: instance.host,
    PORT: String(instance.port),
    INGEST_PORT: String(instance.ingestPort),
    MILLRACE_DATA_DIR: instance.dataDir,
    ...(instance.tls && { TLS_CERT_FILE: instance.tls.certFile, TLS_KEY_FILE: instance.tls.keyFile }),
  };
}

/** A Node program of ours under the kernel's guard. @returns {{ command: string, args: string[] }} */
const node = (...args) => restricted([], "--enable-source-maps", ...args);

/** The same with fewer rights. @param {string[]} rights setpriv's @param {string[]} args Node's */
function restricted(rights, ...args) {
  const [command, ...rest] = [...guard("SIGTERM"), ...rights, process.execPath, ...args];
  return { command, args: rest };
}

/** @param {Record<string, string>} env @returns {import("./service.mjs").ServiceSpec} */
export const ingestService = (env) => ({ name: "ingest", ...node(at("apps/web/build/ingest.js")), env });

/** @param {Record<string, string>} env @returns {import("./service.mjs").ServiceSpec} */
export const webService = (env) => ({
  name: "web",
  ...node(path.join(standalone, "server.js")),
  cwd: standalone,
  // With our own certificate TLS is ended before Next (server/tls-front.ts), which then is loopback's only.
  env: { ...env, HOSTNAME: env.TLS_CERT_FILE ? "127.0.0.1" : (env.HOST ?? "127.0.0.1") },
});

/** @param {import("./instance.mjs").Instance} instance @returns {import("./service.mjs").ServiceSpec} */
export const labService = (instance) => ({
  name: "lab",
  ...node(
    ...[labProgram, "up", "--state", instance.in("lab"), "--name", instance.name],
    ...(instance.dataplane ? ["--cni-plugin", at("packages/cni/build/millrace-cni")] : []),
  ),
  graceMs: 30_000,
});

/** All an agent may do, whoever it runs as; docs/operating.md says what each is for. */
export const agentCapabilities = [
  ...["bpf", "perfmon", "net_admin", "sys_admin", "sys_ptrace", "syslog", "dac_read_search"],
];

/** For setpriv: what it runs can never have more than these. @returns {string[]} */
export const onlyAgentCapabilities = () => [
  ...["--no-new-privs", "--inh-caps=-all"],
  `--bounding-set=-all,${agentCapabilities.map((name) => `+${name}`).join(",")}`,
];

/** A host to observe: one of the lab's, or this machine.
 *  @typedef {{ name: string, netns?: string, runcRoot?: string, uplink?: { device: string },
 *    cniSocket?: string | null, pods?: unknown[] }} Host */

/** @param {import("./instance.mjs").Instance} instance @param {Host} host @param {string | undefined} tokenFile
 *  @param {NodeJS.ProcessEnv} [given] @returns {import("./service.mjs").ServiceSpec} */
export function agentService(instance, host, tokenFile, given = {}) {
  const args = [
    ...["--server", `http://127.0.0.1:${instance.ingestPort}`, "--host-name", host.name],
    ...["--state-dir", instance.in("agents", host.name), "--pin-dir", `${instance.pinRoot}/${host.name}`],
    ...(host.netns ? ["--host-netns", host.netns] : []),
    ...(host.runcRoot ? ["--runtime", `runc=${host.runcRoot}`] : []),
    ...(tokenFile ? ["--enrol-token-file", tokenFile] : []),
    ...(host.cniSocket ? ["--dataplane", "--cni-socket", host.cniSocket] : []),
    ...(host.cniSocket && host.uplink ? ["--uplink", host.uplink.device] : []),
  ];
  // Each on a free port, which it logs: several agents share this machine's loopback.
  const env = { MILLRACE_AGENT_METRICS: "127.0.0.1:0", ...agentVariables(given) };
  const program = restricted(onlyAgentCapabilities(), ...agentCommand, ...args);
  return { name: `agent ${host.name}`, ...program, env, graceMs: 15_000 };
}
