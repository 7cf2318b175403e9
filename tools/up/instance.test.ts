// Where an instance's things are, and what would be run for it.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { root } from "../paths.mjs";
import { instanceOf } from "./instance.mjs";
import { agentService, labService, serverEnv, webService } from "./services.mjs";

const options = { name: "demo", buildOnly: false, serve: true, lab: true, dataplane: false, help: false };
const secrets = { databasePassword: "d", authSecret: "s" };

test("without a word everything listens on loopback, at the documented ports", () => {
  const instance = instanceOf(options, {});
  expect(instance).toMatchObject({ host: "127.0.0.1", port: 3000, ingestPort: 3001, databasePort: 54329 });
  expect(instance.address).toBe("http://127.0.0.1:3000");
  expect(instance.dataDir).toBe(`${root}/.data`);
});

test("two instances of different names share no directory and no pins", () => {
  const one = instanceOf(options, {});
  const other = instanceOf({ ...options, name: "e2e" }, {});
  expect(other.dataDir).toBe(`${root}/.data/e2e`);
  expect(other.pinRoot).toBe("/sys/fs/bpf/millrace/e2e");
  expect(other.pinRoot).not.toBe(one.pinRoot);
});

test("a port that is none is named", () => {
  for (const bad of ["http", "0", "65536", "3.5"]) {
    expect(() => instanceOf(options, { PORT: bad })).toThrow(`PORT=${bad} is no port`);
  }
});

test("two of our own ports that are equal are named", () => {
  expect(() => instanceOf(options, { PORT: "3001" })).toThrow("PORT and INGEST_PORT are both 3001");
  const tls = { TLS_CERT_FILE: "/c.pem", TLS_KEY_FILE: "/k.pem" };
  expect(() => instanceOf(options, { ...tls, INGEST_TLS_PORT: "3000" })).toThrow(
    "PORT and INGEST_TLS_PORT are both",
  );
  expect(instanceOf(options, { TLS_PORT: "3000" }).port).toBe(3000);
});

test("a database URL that is none is refused without being shown, an empty one is as none given", () => {
  for (const bad of ["db.example", "mysql://u:secret@h/d", "postgresql://u:secret@h:port/d"]) {
    expect(() => instanceOf(options, { DATABASE_URL: bad })).toThrow(
      /^(?!.*secret)DATABASE_URL is no PostgreSQL URL/,
    );
  }
  expect(instanceOf(options, { DATABASE_URL: "" }).databaseUrl).toBeUndefined();
  expect(instanceOf(options, { DATABASE_URL: "postgresql:///d?host=/run" }).databaseUrl).toBe(
    "postgresql:///d?host=/run",
  );
});

test("a certificate without its key is refused: it would be served without TLS", () => {
  for (const [given, missing] of [
    ["TLS_CERT_FILE", "TLS_KEY_FILE"],
    ["TLS_KEY_FILE", "TLS_CERT_FILE"],
  ] as const) {
    expect(() => instanceOf(options, { [given]: "/x.pem" })).toThrow(`${given} is set and ${missing} is not`);
  }
});

test("an address that means every interface is shown as one that can be opened", () => {
  expect(instanceOf(options, { HOST: "0.0.0.0", PORT: "80" }).address).toBe("http://127.0.0.1:80");
  expect(instanceOf(options, { HOST: "::1" }).address).toBe("http://[::1]:3000");
});

test("an agent of the lab is told its host's namespace and containers; one without a lab finds them", () => {
  const instance = instanceOf(options, {});
  const host = { name: "h1", netns: "/run/netns/mr-demo-h1", runcRoot: "/x/runc" };
  const inLab = agentService(instance, host, "/x/token").args.join(" ");
  expect(inLab).toContain("--host-name h1");
  expect(inLab).toContain("--host-netns /run/netns/mr-demo-h1 --runtime runc=/x/runc");
  expect(inLab).toContain("--pin-dir /sys/fs/bpf/millrace/demo/h1");
  expect(inLab).toContain("--enrol-token-file /x/token");
  const alone = agentService(instance, { name: "here" }, undefined).args.join(" ");
  expect(alone).not.toMatch(/--host-netns|--runtime|--enrol-token-file/);
});

test("with our own certificate Next is loopback's only, and the files are found from any directory", () => {
  const own = { TLS_CERT_FILE: "cert.pem", TLS_KEY_FILE: "/etc/key.pem", HOST: "0.0.0.0", INGEST_HOST: "" };
  const instance = instanceOf(options, own);
  expect(instance.address).toBe("https://127.0.0.1:3443");
  expect(instance.plainAddress).toBe("http://127.0.0.1:3000");
  const { env } = webService(serverEnv(instance, secrets, "postgresql://x/y"));
  expect(env).toMatchObject({ HOST: "0.0.0.0", HOSTNAME: "127.0.0.1", TLS_KEY_FILE: "/etc/key.pem" });
  expect(env?.TLS_CERT_FILE).toMatch(/^\/.*\/cert\.pem$/);
  const named = { ...own, PUBLIC_URL: "https://millrace.example.org" };
  expect(instanceOf(options, named).address).toBe("https://millrace.example.org");
});

test("no secret is on a command line, where every user could read it", () => {
  const env = serverEnv(instanceOf(options, {}), secrets, "postgresql://u:hidden@127.0.0.1/x");
  const service = webService(env);
  expect(JSON.stringify([service.command, service.args])).not.toMatch(/hidden/);
  expect(service.env).toMatchObject({ DATABASE_URL: "postgresql://u:hidden@127.0.0.1/x" });
});

test("each setting of the dashboard reaches it, an agent sees its own and neither the other's", () => {
  const settings = readFileSync(`${root}/apps/web/src/env.ts`, "utf8").matchAll(/^ {4}([A-Z_]+):/gm);
  const names = [...settings].map(([, name]) => name as string);
  expect(names).toContain("OIDC_CLIENT_SECRET");
  const given = {
    ...Object.fromEntries(names.map((name, index) => [name, String(7 + index)])),
    DATABASE_URL: "postgresql://x/y",
  };
  const more = {
    ...given,
    MILLRACE_AGENT_SPOOL_LIMIT: "1GB",
    MILLRACE_TOKEN: "t",
    AWS_SECRET_ACCESS_KEY: "k",
  };
  const instance = instanceOf(options, given);
  const servers = serverEnv(instance, secrets, "postgresql://x/y", more);
  expect(names.filter((name) => !(name in servers))).toEqual([]);
  expect(Object.keys(servers)).not.toContain("MILLRACE_TOKEN");
  expect(agentService(instance, { name: "a" }, undefined, more).env).toEqual({
    MILLRACE_AGENT_SPOOL_LIMIT: "1GB",
    MILLRACE_AGENT_METRICS: "127.0.0.1:0",
  });
  expect(labService(instance).env).toBeUndefined();
});

test("an agent serves its metrics on loopback, at a free port unless it is told another", () => {
  const metricsOf = (given: Record<string, string>) =>
    agentService(instanceOf(options, {}), { name: "a" }, undefined, given).env?.MILLRACE_AGENT_METRICS;
  expect(metricsOf({})).toBe("127.0.0.1:0");
  expect(metricsOf({ MILLRACE_AGENT_METRICS: "127.0.0.1:9400" })).toBe("127.0.0.1:9400");
});

test("what is started dies with its supervisor, even by kill -9", () => {
  const instance = instanceOf(options, {});
  for (const service of [
    labService(instance),
    webService({}),
    agentService(instance, { name: "a" }, undefined),
  ]) {
    expect([service.command, ...service.args].join(" ")).toMatch(/^setpriv --pdeathsig TERM /);
  }
});
