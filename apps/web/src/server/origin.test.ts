import { expect, test } from "vitest";
import { readEnv } from "../env.ts";
import { publicUrl, trustedOrigins } from "./origin.ts";

const env = (over: Record<string, string>) => readEnv({ DATABASE_URL: "postgresql://x/y", ...over });

test("the public address is what was said, else where we listen", () => {
  expect(publicUrl(env({}))).toBe("http://127.0.0.1:3000");
  expect(publicUrl(env({ HOST: "::1", PORT: "8080" }))).toBe("http://[::1]:8080");
  expect(publicUrl(env({ PUBLIC_URL: "https://millrace.example.org/x" }))).toBe(
    "https://millrace.example.org",
  );
});

test("loopback has three names, any other address one", () => {
  expect(trustedOrigins(env({ PORT: "4000" }))).toEqual([
    "http://127.0.0.1:4000",
    "http://localhost:4000",
    "http://[::1]:4000",
  ]);
  expect(trustedOrigins(env({ PUBLIC_URL: "https://m.example.org" }))).toEqual(["https://m.example.org"]);
});
