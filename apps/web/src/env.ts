/**
 * The only reader of process.env in apps/web. Read at first use, not at import: `next build` runs without a
 * database. A wrong value names itself; every problem is reported at once. Nothing is connected here.
 */
import { existsSync } from "node:fs";
import { z } from "zod";

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z
  .enum(["0", "1", "true", "false", ""])
  .default("")
  .transform((text) => text === "1" || text === "true");
const file = z.string().refine(existsSync, "there is no such file");
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

export const Env = z
  .object({
    NODE_ENV: z.enum(["development", "production", "test"]).default("production"),
    DATABASE_URL: z
      .string({ error: "is not set: npm start sets it, else give the URL of a PostgreSQL database" })
      .regex(/^postgres(ql)?:\/\//, "must begin with postgresql://"),
    /** The dashboard's and the operator API's. */
    HOST: z.string().default("127.0.0.1"),
    PORT: port.default(3000),
    /** The agents'. */
    INGEST_HOST: z.string().default("127.0.0.1"),
    INGEST_PORT: port.default(3001),
    /** With our own certificate agents of other machines come here, on INGEST_HOST; INGEST_PORT is for loopback only. */
    INGEST_TLS_PORT: port.default(3444),
    /** How browsers reach the dashboard, when it isn't http://HOST:PORT. */
    PUBLIC_URL: z.url().optional(),
    /** Our own certificate, for the dashboard and for agents. */
    TLS_CERT_FILE: file.optional(),
    TLS_KEY_FILE: file.optional(),
    /** With our own certificate the dashboard is here on HOST, and PORT is for loopback only. */
    TLS_PORT: port.default(3443),
    /** A reverse proxy ends TLS before us and sets x-forwarded-*. */
    TRUST_PROXY: flag,
    BETTER_AUTH_SECRET: z.string().min(32, "needs at least 32 characters").optional(),
    OIDC_NAME: z.string().min(1).default("single sign-on"),
    OIDC_DISCOVERY_URL: z.url().optional(),
    OIDC_CLIENT_ID: z.string().min(1).optional(),
    OIDC_CLIENT_SECRET: z.string().min(1).optional(),
    MILLRACE_ADMIN_EMAIL: z.email().default("admin@millrace.local"),
    /** Lets a scraper off loopback read /metrics. */
    METRICS_TOKEN: z.string().min(16, "needs at least 16 characters").optional(),
    LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  })
  .refine((e) => !e.TLS_CERT_FILE === !e.TLS_KEY_FILE, "TLS_CERT_FILE and TLS_KEY_FILE go together")
  .refine(
    (e) => [e.OIDC_DISCOVERY_URL, e.OIDC_CLIENT_ID, e.OIDC_CLIENT_SECRET].filter(Boolean).length % 3 === 0,
    "OIDC_DISCOVERY_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together",
  );
export type Env = z.infer<typeof Env>;

/** Every problem in one message, each beginning with the variable's name. An empty variable is an absent one. */
export function readEnv(source: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const read = Env.safeParse(given);
  if (read.success) return read.data;
  const problems = read.error.issues.map((issue) => [issue.path.join("."), issue.message].join(" ").trim());
  throw new Error(`the environment is not usable: ${problems.join("; ")}`);
}

let current: Env | undefined;
export function env(): Env {
  current ??= readEnv(process.env);
  return current;
}

export const isLoopback = (host: string): boolean => LOOPBACK.test(host.replace(/^\[|\]$/g, ""));

const EVERYWHERE = /^(0\.0\.0\.0|::|\[::\])$/;

/** Sign-in compares where a request comes from with our own address, which these settings leave open. */
export function unknownAddress(e: Env): string | undefined {
  if (e.PUBLIC_URL) return undefined;
  const say =
    "set PUBLIC_URL to the dashboard's address as browsers know it, such as https://millrace.example.org";
  if (e.TRUST_PROXY) return `TRUST_PROXY is set, and the proxy's address is not known here: ${say}`;
  if (e.TLS_CERT_FILE && EVERYWHERE.test(e.HOST))
    return `HOST=${e.HOST} is every address of this machine: ${say}`;
  return undefined;
}

/** Credentials are taken in clear only over loopback: else by our own TLS, or behind a proxy that has it. */
export function refusalOfCredentials(e: Env, host: string): string | undefined {
  if (isLoopback(host) || e.TRUST_PROXY || e.TLS_CERT_FILE) return undefined;
  return (
    `listening on ${host} without TLS: credentials are refused. ` +
    "Set TLS_CERT_FILE and TLS_KEY_FILE, or TRUST_PROXY=1 when a proxy ends TLS, or listen on 127.0.0.1"
  );
}
