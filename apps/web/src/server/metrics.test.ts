import { expect, test } from "vitest";
import { readEnv } from "../env.ts";
import { mayScrape, metrics } from "./metrics.ts";

const env = (over: Record<string, string>) => readEnv({ DATABASE_URL: "postgresql://x/y", ...over });
const TOKEN = "a token of sixteen";

test("metrics are for loopback, and elsewhere for who has the token", () => {
  expect(mayScrape(env({}), null)).toBe(true);
  expect(mayScrape(env({ HOST: "0.0.0.0" }), null)).toBe(false);
  expect(mayScrape(env({ TRUST_PROXY: "1" }), null)).toBe(false);
  expect(mayScrape(env({ HOST: "0.0.0.0", METRICS_TOKEN: TOKEN }), `Bearer ${TOKEN}`)).toBe(true);
  expect(mayScrape(env({ METRICS_TOKEN: TOKEN }), "Bearer x")).toBe(false);
  for (const near of [null, "", TOKEN, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(0, -1)}`, `bearer ${TOKEN}`])
    expect(mayScrape(env({ METRICS_TOKEN: TOKEN }), near)).toBe(false);
});

test("an outcome that is no code of ours makes no label of its own", async () => {
  metrics().called("flows.search", "whatever an error said", 0.01);
  const text = await metrics().registry.metrics();
  expect(text).toContain('procedure="flows.search",outcome="INTERNAL"');
  expect(text).not.toContain("whatever");
});
