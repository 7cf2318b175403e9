import { describe, expect, test } from "vitest";
import { isLoopback, readEnv, refusalOfCredentials, unknownAddress } from "./env.ts";

const DATABASE_URL = "postgresql://millrace@127.0.0.1/millrace";
const said = (over: Record<string, string>): string => {
  try {
    readEnv({ DATABASE_URL, ...over });
    return "accepted";
  } catch (error) {
    return (error as Error).message;
  }
};

test("a database is all that must be set; an empty variable is an absent one", () => {
  expect(readEnv({ DATABASE_URL, PORT: "", TLS_CERT_FILE: "" })).toMatchObject({
    ...{ HOST: "127.0.0.1", PORT: 3000, INGEST_PORT: 3001, TRUST_PROXY: false },
  });
});

test("every problem is told at once, each with its variable's name", () => {
  const message = said({ DATABASE_URL: "mysql://x", PORT: "99999", LOG_LEVEL: "loud" });
  for (const name of ["DATABASE_URL", "PORT", "LOG_LEVEL"]) expect(message).toContain(name);
  expect(said({ DATABASE_URL: "" })).toMatch(/DATABASE_URL is not set/);
});

test("what belongs together is asked for together", () => {
  expect(said({ TLS_CERT_FILE: "/etc/hostname" })).toMatch(/TLS_CERT_FILE and TLS_KEY_FILE/);
  expect(said({ TLS_CERT_FILE: "/no/such", TLS_KEY_FILE: "/no/such" })).toMatch(/no such file/);
  expect(said({ OIDC_CLIENT_ID: "x" })).toMatch(/OIDC_DISCOVERY_URL/);
});

test("an address that only the operator knows is asked for, since signing in would fail without it", () => {
  const asked = (over: Record<string, string>) => unknownAddress(readEnv({ DATABASE_URL, ...over }));
  const own = { TLS_CERT_FILE: "/etc/hostname", TLS_KEY_FILE: "/etc/hostname" };
  expect(asked({ TRUST_PROXY: "1" })).toMatch(/TRUST_PROXY.*set PUBLIC_URL/);
  expect(asked({ ...own, HOST: "0.0.0.0" })).toMatch(/HOST=0.0.0.0 is every address.*set PUBLIC_URL/);
  expect(asked({ ...own, HOST: "::", PUBLIC_URL: "https://m.example.org" })).toBeUndefined();
  expect(asked({ ...own, HOST: "10.0.0.7" })).toBeUndefined();
  expect(asked({})).toBeUndefined();
});

describe("credentials in clear", () => {
  const e = (over: Record<string, string>) => readEnv({ DATABASE_URL, ...over });
  test("are taken over loopback only", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"].every(isLoopback)).toBe(true);
    expect(
      ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "127.0.0.1.example.com"].some(isLoopback),
    ).toBe(false);
    expect(refusalOfCredentials(e({}), "127.0.0.1")).toBeUndefined();
    expect(refusalOfCredentials(e({}), "0.0.0.0")).toMatch(/without TLS.*TLS_CERT_FILE.*TRUST_PROXY/);
  });
  test("are no longer in clear behind a proxy, or with a certificate", () => {
    expect(refusalOfCredentials(e({ TRUST_PROXY: "1" }), "0.0.0.0")).toBeUndefined();
    const own = { TLS_CERT_FILE: "/etc/hostname", TLS_KEY_FILE: "/etc/hostname" };
    expect(refusalOfCredentials(e(own), "0.0.0.0")).toBeUndefined();
  });
});
