import { TRPCClientError } from "@trpc/client";
import { expect, test } from "vitest";
import { EXIT, exitCodeOf, explain, UsageError, unreachable } from "./failure.ts";

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
  const failed = unreachable("https://fleet.example", new TypeError("fetch failed", { cause }));
  const error = TRPCClientError.from(failed);
  expect(explain(error)).toMatch(
    /^https:\/\/fleet\.example can't be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\): .*NODE_EXTRA_CA_CERTS/,
  );
  expect(exitCodeOf(error)).toBe(EXIT.unavailable);
});

test("what went wrong is one line, whatever it is told in, and moves no cursor", () => {
  expect(explain(new UsageError("two things:\n  one\n  other\n"))).toBe("two things:; one; other");
  expect(explain(answered("no pod \u001b[2Jweb", "NOT_FOUND"))).toBe("no pod \\x1b[2Jweb");
});
