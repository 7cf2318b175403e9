/**
 * How Next builds the dashboard and the operator API. Security headers that never change stand here; the
 * CSP, which needs a nonce for each page, is made in src/proxy.ts. No environment is read here.
 */
import path from "node:path";
import type { NextConfig } from "next";

const root = path.join(import.meta.dirname, "../..");

const headers = [
  { key: "X-Content-Type-Options", value: "nosniff" },
  { key: "Referrer-Policy", value: "same-origin" },
  { key: "X-Frame-Options", value: "DENY" },
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
  { key: "Cross-Origin-Resource-Policy", value: "same-origin" },
  { key: "Permissions-Policy", value: "camera=(), microphone=(), geolocation=(), payment=(), usb=()" },
];

export default {
  output: "standalone",
  outputFileTracingRoot: root,
  turbopack: { root },
  // What loads native code or its own files at run time must stay outside the bundle.
  serverExternalPackages: [
    "pg",
    "pg-copy-streams",
    "@prisma/client",
    "@prisma/adapter-pg",
    "pino",
    "prom-client",
  ],
  transpilePackages: ["@millrace/contract", "@millrace/abi", "@millrace/policy"],
  // Types are checked by npm run check, tests included; a start needn't do it again.
  typescript: { ignoreBuildErrors: true },
  // Only where a component asks for it ("use memo"): compiled throughout, pages carry 40 kB more script.
  reactCompiler: { compilationMode: "annotation" },
  poweredByHeader: false,
  experimental: { turbopackFileSystemCacheForBuild: true },
  headers: async () => [{ source: "/:path*", headers }],
} satisfies NextConfig;
