// One running Millrace on this machine: where its data, ports and names are. Pure: it reads what it is
// given and touches nothing. Two instances of different names share a machine without meeting.
import path from "node:path";
import { at } from "../paths.mjs";

export const bpffs = "/sys/fs/bpf";

/** @typedef {ReturnType<typeof instanceOf>} Instance */

/** @param {import("./arguments.mjs").Options} options @param {Record<string, string | undefined>} env */
export function instanceOf(options, env) {
  const dataDir = options.name === "demo" ? at(".data") : at(".data", options.name);
  const port = portOf(env, "PORT", 3000);
  const host = env.HOST || "127.0.0.1";
  const tls = certificateOf(env);
  const ingestPort = portOf(env, "INGEST_PORT", 3001);
  const databasePort = portOf(env, "MILLRACE_PG_PORT", 54329);
  refuseEqual({
    ...{ PORT: port, INGEST_PORT: ingestPort, MILLRACE_PG_PORT: databasePort },
    ...(tls && { TLS_PORT: tls.port, INGEST_TLS_PORT: tls.ingestPort }),
  });
  return {
    name: options.name,
    lab: options.lab,
    dataplane: options.dataplane,
    dataDir,
    in: (...parts) => path.join(dataDir, ...parts),
    host,
    port,
    ingestPort,
    databasePort,
    /** Given by the user: then no PostgreSQL of ours is started. */
    databaseUrl: databaseUrlOf(env),
    address: env.PUBLIC_URL || addressOf(host, port, tls),
    /** Our own certificate, and where it is used. */
    tls,
    /** Next's own server: behind our TLS it is loopback's only. */
    plainAddress: `http://${tls ? "127.0.0.1" : shownHost(host)}:${port}`,
    pinRoot: path.join(bpffs, "millrace", options.name),
  };
}

/** Not echoed when it is wrong: it may hold a password. */
function databaseUrlOf(env) {
  const url = env.DATABASE_URL;
  if (!url) return undefined;
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new Error(
    "DATABASE_URL is no PostgreSQL URL: it wants postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
  );
}

/** The services have working directories of their own: the files are named from the root. */
function certificateOf(env) {
  const [given, missing] = env.TLS_CERT_FILE
    ? ["TLS_CERT_FILE", "TLS_KEY_FILE"]
    : ["TLS_KEY_FILE", "TLS_CERT_FILE"];
  if (!env[given]) return undefined;
  if (!env[missing]) throw new Error(`${given} is set and ${missing} is not: TLS needs both`);
  return {
    certFile: path.resolve(env.TLS_CERT_FILE),
    keyFile: path.resolve(env.TLS_KEY_FILE),
    port: portOf(env, "TLS_PORT", 3443),
    ingestHost: env.INGEST_HOST || "127.0.0.1",
    ingestPort: portOf(env, "INGEST_TLS_PORT", 3444),
  };
}

const addressOf = (host, port, tls) =>
  tls ? `https://${shownHost(host)}:${tls.port}` : `http://${shownHost(host)}:${port}`;

function portOf(env, name, fallback) {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new Error(`${name}=${text} is no port: it wants a number from 1 to 65535`);
}

/** Otherwise the second to come would be told of "another program". @param {Record<string, number>} ports */
function refuseEqual(ports) {
  for (const [name, port] of Object.entries(ports)) {
    const other = Object.keys(ports).find((one) => one !== name && ports[one] === port);
    if (other) throw new Error(`${name} and ${other} are both ${port}: give them ports of their own`);
  }
}

/** What a browser on this machine would open. @param {string} host */
function shownHost(host) {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
