import { expect, test } from "vitest";
import { MOST_TRIES, SignInTries } from "./sign-in-tries.ts";

test("from everywhere together an account is tried so often a minute and no more", () => {
  const tries = new SignInTries();
  let taken = 0;
  for (let i = 0; i < 1000; i++) if (tries.take("one", `192.0.2.${i % 200}`, 0)) taken++;
  expect(taken).toBe(MOST_TRIES.fromAll);
  expect(tries.take("two", "192.0.2.1", 0)).toBe(true);
  expect(tries.take("one", "192.0.2.1", 60_000)).toBe(true);
});

test("a success takes its own address's tries back, and nobody else's", () => {
  const tries = new SignInTries();
  const all = (address: string) => {
    let taken = 0;
    while (tries.take("one", address, 0)) taken++;
    return taken;
  };
  expect(all("a")).toBe(MOST_TRIES.fromOne);
  expect(all("b")).toBe(MOST_TRIES.fromOne);
  tries.forgive("one", "a", 0);
  expect([all("a"), all("b")]).toEqual([MOST_TRIES.fromOne, 0]);
});
