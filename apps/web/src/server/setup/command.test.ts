import "../testing/environment.ts";
import { expect, test } from "vitest";
import { readPool } from "./command.ts";

test("a pool is read from one argument", () => {
  expect(readPool("name=default,mode=direct,v4=10.201.0.0/16,v6=fd00:201::/48")).toEqual({
    ...{ name: "default", mode: "direct", prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" },
    ...{ blockLength4: 26, blockLength6: 122, masquerade: true },
  });
});

test.each([
  ["nmae=x", /no “nmae”: name, mode, v4, v6/],
  ["name=x,mode=fast,v4=10.0.0.0/16", /--pool: mode: /],
  ["name=x,mode=direct", /prefix4: a pool needs/],
  ["name=x,mode=direct,v4=127.0.0.0/16", /prefix4: holds loopback/],
])("%s is refused, with what is wrong", (text, why) => {
  expect(() => readPool(text)).toThrow(why);
});
