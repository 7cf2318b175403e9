import { TRPCClientError } from "@trpc/client";
import { expect, test } from "vitest";
import { EXIT, exitCodeOf, explain } from "./failure.ts";

const answered = (message: string, code: string) =>
  TRPCClientError.from({ error: { message, code: -32_001, data: { code } } });

test("a token that isn't good any more is told apart from none at all", () => {
  const revoked = answered("The token is not known, revoked, or has expired", "UNAUTHORIZED");
  expect(explain(revoked)).toMatch(/not known, revoked, or has expired.*MILLRACE_TOKEN/);
  expect(explain(answered("Sign in first", "UNAUTHORIZED"))).toMatch(/Sign in first.*--token/);
  expect(exitCodeOf(revoked)).toBe(EXIT.permission);
});

test("a certificate that isn't trusted is told with what to do about it", () => {
  const cause = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  const unreachable = TRPCClientError.from(new Error("fetch failed", { cause }));
  expect(explain(unreachable)).toMatch(/DEPTH_ZERO_SELF_SIGNED_CERT.*NODE_EXTRA_CA_CERTS/);
  expect(exitCodeOf(unreachable)).toBe(EXIT.unavailable);
});
