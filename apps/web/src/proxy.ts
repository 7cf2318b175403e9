/**
 * Runs before every page: makes the nonce and the content security policy with it, and sends who has no
 * session cookie to sign in. Only a shortcut: the console's layout and the API check the session itself.
 */
import { type NextRequest, NextResponse } from "next/server";
import { env, isLoopback } from "./env.ts";
import { publicUrl } from "./server/origin.ts";

const HSTS = "max-age=31536000";
const SESSION_COOKIES = ["millrace.session_token", "__Secure-millrace.session_token"];

function policy(nonce: string): string {
  const development = env().NODE_ENV === "development";
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? " 'unsafe-eval'" : ""}`,
    `style-src-elem 'self'${development ? " 'unsafe-inline'" : ` 'nonce-${nonce}'`}`,
    // Widths and transforms of table rows and charts are style attributes.
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function signInRedirect(request: NextRequest): NextResponse | null {
  const { pathname, search } = request.nextUrl;
  if (pathname === "/sign-in" || SESSION_COOKIES.some((name) => request.cookies.has(name))) return null;
  const next = pathname === "/" ? "" : `?next=${encodeURIComponent(pathname + search)}`;
  const to = request.nextUrl.clone(); // the adapter takes an absolute address only, and makes it relative again
  to.pathname = "/sign-in";
  to.search = next;
  return NextResponse.redirect(to);
}

/** For a year, every program on that name would have to speak TLS: not asked of loopback, which isn't ours alone. */
const wantsHsts = (own: URL): boolean => own.protocol === "https:" && !isLoopback(own.hostname);

export function proxy(request: NextRequest): NextResponse {
  const nonce = btoa(crypto.randomUUID());
  const csp = policy(nonce);
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("x-here", request.nextUrl.pathname + request.nextUrl.search);
  headers.set("content-security-policy", csp);
  const response = signInRedirect(request) ?? NextResponse.next({ request: { headers } });
  response.headers.set("content-security-policy", csp);
  if (wantsHsts(new URL(publicUrl(env())))) response.headers.set("strict-transport-security", HSTS);
  return response;
}

export const config = {
  matcher: [
    {
      source: "/((?!api|_next/static|_next/image|icon.svg|favicon.ico|healthz|readyz|metrics).*)",
      missing: [
        { type: "header", key: "next-router-prefetch" },
        { type: "header", key: "purpose", value: "prefetch" },
      ],
    },
  ],
};
