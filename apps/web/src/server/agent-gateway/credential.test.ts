import type { AppError } from "@millrace/contract/error";
import { describe, expect, test } from "vitest";
import { Credentials, newCredential } from "./credential.ts";

const made = newCredential(7);
function credentials(revoked = false) {
  const state = { revoked, asked: 0, nowMs: 1000 };
  const find = async (hostId: number) => {
    state.asked++;
    return hostId === 7 ? { name: "h7", hash: made.hash, revoked: state.revoked } : undefined;
  };
  return { state, check: new Credentials(find, { now: () => state.nowMs }) };
}
const refusal = (check: Credentials, header: string | undefined) =>
  check.check(header).then(
    () => "accepted",
    (error: AppError) => `${error.code}: ${error.publicMessage}`,
  );

test("the host is the one of the credential", async () => {
  const { check } = credentials();
  expect(await check.check(`Bearer ${made.credential}`)).toEqual({ hostId: 7, hostName: "h7" });
});

test("what is stored doesn't open anything", async () => {
  const { check } = credentials();
  expect(made.credential).not.toContain(made.hash);
  expect(await refusal(check, `Bearer mrh_7_${made.hash.slice(0, 43)}`)).toMatch(/^UNAUTHENTICATED/);
});

describe("refused are", () => {
  test.each([
    ["nothing", undefined],
    ["another scheme", `Basic ${made.credential}`],
    ["another host's number", `Bearer ${made.credential.replace("mrh_7_", "mrh_8_")}`],
    ["a number no host can have", `Bearer ${made.credential.replace("mrh_7_", "mrh_9999999999_")}`],
    ["a letter more", `Bearer ${made.credential}x`],
    ["another secret", `Bearer ${newCredential(7).credential}`],
  ])("%s", async (_, header) => {
    expect(await refusal(credentials().check, header)).toMatch(/^UNAUTHENTICATED/);
  });
  test("a revoked one, which is told so", async () => {
    expect(await refusal(credentials(true).check, `Bearer ${made.credential}`)).toBe(
      "UNAUTHENTICATED: This credential was revoked",
    );
  });
});

test("what was found is kept for seconds, and forgotten at once when told", async () => {
  const { check, state } = credentials();
  const header = `Bearer ${made.credential}`;
  await check.check(header);
  await check.check(header);
  expect(state.asked).toBe(1);
  state.nowMs += 5_000;
  await check.check(header);
  expect(state.asked).toBe(2);
  state.revoked = true;
  check.forget(7);
  expect(await refusal(check, header)).toMatch(/revoked/);
  expect(await check.isRevoked(7)).toBe(true);
});
