import { expect, test } from "vitest";
import { readEnv } from "../env.ts";
import { ingestUrl, publicUrl, trustedOrigins } from "./origin.ts";

const env = (over: Record<string, string>) => readEnv({ DATABASE_URL: "postgresql://x/y", ...over });

test("the public address is what was said, else where we listen", () => {
  expect(publicUrl(env({}))).toBe("http://127.0.0.1:3000");
  expect(publicUrl(env({ HOST: "::1", PORT: "8080" }))).toBe("http://[::1]:8080");
  expect(publicUrl(env({ PUBLIC_URL: "https://millrace.example.org/x" }))).toBe(
    "https://millrace.example.org",
  );
});

test("agents of other machines are sent to the door with TLS, where there is one", () => {
  const own = { TLS_CERT_FILE: "/etc/hostname", TLS_KEY_FILE: "/etc/hostname" };
  expect(ingestUrl(env({}))).toBe("http://127.0.0.1:3001");
  expect(ingestUrl(env({ ...own, INGEST_HOST: "10.0.0.7" }))).toBe("https://10.0.0.7:3444");
  expect(ingestUrl(env({ ...own, PUBLIC_URL: "https://[fd00::7]:8443" }))).toBe("https://[fd00::7]:3444");
});

test("loopback has three names, any other address one", () => {
  expect(trustedOrigins(env({ PORT: "4000" }))).toEqual([
    "http://127.0.0.1:4000",
    "http://localhost:4000",
    "http://[::1]:4000",
  ]);
  expect(trustedOrigins(env({ PUBLIC_URL: "https://m.example.org" }))).toEqual(["https://m.example.org"]);
});
