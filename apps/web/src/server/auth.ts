/**
 * Sign-in by better-auth: e-mail and password, and OIDC when the environment configures it. Nobody signs up:
 * admins make accounts (user/), the identity provider's unknown users come in as viewers. What a role may do
 * is not decided here, and personal tokens are token/'s.
 */
import { betterAuth } from "better-auth";
import { prismaAdapter } from "better-auth/adapters/prisma";
import { APIError, createAuthMiddleware, getIP, getSessionFromCtx } from "better-auth/api";
import { genericOAuth } from "better-auth/plugins";
import { type Env, env, refusalOfCredentials } from "../env.ts";
import { type Author, note } from "./audit/service.ts";
import { CLIENT_ADDRESS } from "./client-address.ts";
import { systemClock } from "./clock.ts";
import { prisma } from "./db.ts";
import { log } from "./log.ts";
import { publicUrl, trustedOrigins } from "./origin.ts";
import { SignInTries } from "./sign-in-tries.ts";

export const PASSWORD_LENGTH = { min: 12, max: 200 } as const;
const OIDC = "oidc";
const DAY_S = 86_400;

/** better-auth serves more than we offer: what isn't needed for signing in, out and one's password is closed. */
const CLOSED = [
  ...[
    "/sign-up/email",
    "/update-user",
    "/update-session",
    "/change-email",
    "/delete-user",
    "/delete-user/callback",
  ],
  ...[
    "/link-social",
    "/unlink-account",
    "/list-accounts",
    "/account-info",
    "/get-access-token",
    "/refresh-token",
  ],
  ...[
    "/send-verification-email",
    "/verify-email",
    "/verify-password",
    "/request-password-reset",
    "/reset-password",
  ],
];

/** What the organisation calls its single sign-on; null where there is none. */
export const oidcName = (): string | null => (env().OIDC_DISCOVERY_URL ? env().OIDC_NAME : null);

/** Why credentials are not taken on the address we listen on, or undefined. */
export const refusal = (): string | undefined => refusalOfCredentials(env(), env().HOST);

function build(e: Env) {
  if (!e.BETTER_AUTH_SECRET) throw new Error("BETTER_AUTH_SECRET is not set: npm start makes one");
  const secure = publicUrl(e).startsWith("https:");
  return betterAuth({
    appName: "Millrace",
    secret: e.BETTER_AUTH_SECRET,
    baseURL: publicUrl(e),
    basePath: "/api/auth",
    trustedOrigins: trustedOrigins(e),
    database: prismaAdapter(prisma(), { provider: "postgresql" }),
    telemetry: { enabled: false },
    logger: { level: "error", log: (_, message) => log().warn({ from: "sign-in" }, message) },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.min,
      maxPasswordLength: PASSWORD_LENGTH.max,
    },
    session: { expiresIn: 7 * DAY_S, updateAge: DAY_S },
    user: { additionalFields: { role: { type: "string", input: false, defaultValue: "viewer" } } },
    account: { accountLinking: { enabled: true, trustedProviders: [] } },
    rateLimit: {
      enabled: true,
      storage: "database",
      window: 60,
      max: 300,
      // Of one address: a whole office, or a spray over its accounts. Of one account: sign-in-tries.ts.
      customRules: {
        "/sign-in/email": { window: 60, max: 300 },
        "/sign-in/social": { window: 60, max: 120 },
        "/callback/*": { window: 60, max: 120 },
        "/change-password": { window: 60, max: 10 },
      },
    },
    onAPIError: { errorURL: "/sign-in" },
    advanced: {
      cookiePrefix: "millrace",
      useSecureCookies: secure,
      defaultCookieAttributes: { sameSite: "lax", httpOnly: true, secure },
      ipAddress: { ipAddressHeaders: addressHeaders(e) },
    },
    disabledPaths: e.OIDC_DISCOVERY_URL ? CLOSED : [...CLOSED, "/sign-in/social"],
    plugins: e.OIDC_DISCOVERY_URL ? [oidc(e)] : [],
    hooks: { before, after },
    databaseHooks: {
      user: { create: { before: async (user) => ({ data: { ...user, role: "viewer" } }) } },
      account: { create: { before: withoutTokens }, update: { before: withoutTokens } },
    },
  });
}

/** The identity provider's tokens open other houses than ours, and nothing here needs them once one is in. */
const NO_TOKENS = { accessToken: null, refreshToken: null, idToken: null } as const;
const withoutTokens = async (account: object) => ({ data: { ...account, ...NO_TOKENS } });

const oidc = (e: Env) =>
  genericOAuth({
    config: [
      {
        providerId: OIDC,
        name: e.OIDC_NAME,
        clientId: e.OIDC_CLIENT_ID as string,
        clientSecret: e.OIDC_CLIENT_SECRET as string,
        discoveryUrl: e.OIDC_DISCOVERY_URL as string,
        scopes: ["openid", "email", "profile"],
        pkce: true,
      },
    ],
  });

const addressHeaders = (e: Env): string[] => [e.TRUST_PROXY ? "x-forwarded-for" : CLIENT_ADDRESS];
const triedAccount = (body: unknown): string =>
  String((body as { email?: unknown } | undefined)?.email ?? "").slice(0, 200);
const addressOf = (headers: Headers | undefined): string | null =>
  headers ? getIP(headers, { advanced: { ipAddress: { ipAddressHeaders: addressHeaders(env()) } } }) : null;
const tries = new SignInTries();

/** Signing out ends the session: whose it was is only known before. */
const before = createAuthMiddleware(async (ctx) => {
  if (
    ctx.path === "/sign-in/email" &&
    !tries.take(triedAccount(ctx.body), addressOf(ctx.headers), systemClock.now())
  )
    throw new APIError("TOO_MANY_REQUESTS", {
      message: "Too many tries for this account: wait a minute, then try again",
    });
  if (ctx.path !== "/sign-out") return;
  const session = await getSessionFromCtx(ctx).catch(() => null);
  if (session) await noted({ email: session.user.email, via: "session" }, "session.signOut", "done");
});

const after = createAuthMiddleware(async (ctx) => {
  const failed = ctx.context.returned instanceof Error;
  if (ctx.path === "/sign-in/email") {
    const email = triedAccount(ctx.body);
    if (!failed) tries.forgive(email, addressOf(ctx.headers), systemClock.now());
    return noted({ email, via: "password" }, "session.signIn", failed ? "refused" : "done");
  }
  if (ctx.path?.startsWith("/callback/")) {
    const email = ctx.context.newSession?.user.email;
    return noted({ email: email ?? "unknown", via: OIDC }, "session.signIn", email ? "done" : "refused");
  }
  if (ctx.path === "/change-password") {
    const session = await getSessionFromCtx(ctx).catch(() => null);
    const email = session?.user.email ?? "unknown";
    return noted({ email, via: "session" }, "session.changePassword", failed ? "refused" : "done");
  }
});

/** Nobody is locked out because the audit can't be written; the log then says so. */
async function noted(author: Author, action: string, outcome: "done" | "refused"): Promise<void> {
  try {
    await note({ author, action, target: author.email }, outcome);
  } catch (error) {
    log().error({ err: error, action }, "a sign-in could not be audited");
  }
}

type Auth = ReturnType<typeof build>;
const place = globalThis as { millraceAuth?: { auth: Auth; database: ReturnType<typeof prisma> } };

/** One a process; built anew when tests change the database. */
export function auth(): Auth {
  const database = prisma();
  if (place.millraceAuth?.database !== database) place.millraceAuth = { auth: build(env()), database };
  return place.millraceAuth.auth;
}
