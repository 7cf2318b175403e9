// What of the environment that `npm start` was given goes on to a service: to each what it needs and no more,
// since an environment is read by whatever the service starts. Pure. What a variable means is its reader's.

/** Any program may see these: none is a secret. */
const ordinary = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LANGUAGE", "TZ", "TERM", "NO_COLOR"],
  ...["LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", /^LC_/, /^NODE_/],
];

/** Dashboard and ingest: see apps/web/src/env.ts. The others of its variables are the instance's to say. */
const server = [
  ...[
    "INGEST_HOST",
    "INGEST_TLS_PORT",
    "PUBLIC_URL",
    "TLS_PORT",
    "TRUST_PROXY",
    "METRICS_TOKEN",
    "LOG_LEVEL",
  ],
  ...["MILLRACE_ADMIN_EMAIL", "OIDC_NAME", "OIDC_DISCOVERY_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"],
  ...[/^PG/, /^(https?|no)_proxy$/i], // the driver's of a database by DATABASE_URL; the way to a provider
];

/** Each flag of an agent is also a variable. */
const agent = [/^MILLRACE_AGENT_/];

/** @param {(string | RegExp)[]} wanted @returns {(given: NodeJS.ProcessEnv) => Record<string, string>} */
const only = (wanted) => (given) => {
  const isWanted = (name) => wanted.some((one) => (typeof one === "string" ? one === name : one.test(name)));
  const kept = Object.entries(given).filter(([name]) => isWanted(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""]));
};

export const ordinaryVariables = only(ordinary);
export const serverVariables = only(server);
export const agentVariables = only(agent);
