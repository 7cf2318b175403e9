import { describe, expect, test } from "vitest";
import { CreatePoolInput } from "./pool.ts";

const good = { name: "default", mode: "direct", prefix4: "10.201.0.0/16", prefix6: "fd00:201::/48" };
/** field: message, of everything that is wrong. */
const problems = (over: object): string[] => {
  const read = CreatePoolInput.safeParse({ ...good, ...over });
  return read.success ? [] : read.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
};

test("a pool of either family or both is taken, with blocks of 64 unless it says otherwise", () => {
  expect(CreatePoolInput.parse(good)).toMatchObject({
    blockLength4: 26,
    blockLength6: 122,
    masquerade: true,
  });
  expect(problems({ prefix6: null })).toEqual([]);
  expect(problems({ prefix4: undefined })).toEqual([]);
  expect(problems({ blockLength4: 28, blockLength6: 124 })).toEqual([]);
});

describe("what is wrong is said by its field", () => {
  test.each<[object, RegExp]>([
    [{ prefix4: null, prefix6: null }, /^prefix4: a pool needs/],
    [{ prefix4: "10.201.0.1/16" }, /^prefix4: .*10\.201\.0\.0\/16 may be meant/],
    [{ prefix4: "fd00::/48" }, /^prefix4: is no IPv4 prefix/],
    [{ prefix4: "banana" }, /^prefix4: is no IPv4 prefix/],
    [{ prefix6: "10.0.0.0/8" }, /^prefix6: is no IPv6 prefix/],
    [{ prefix4: "10.0.0.0/7" }, /^prefix4: is too wide/],
    [{ prefix4: "10.201.0.0/27" }, /^prefix4: has no room for a block of \/26/],
    [{ prefix6: "fd00::/123" }, /^prefix6: has no room for a block of \/122/],
    [{ prefix4: "127.0.0.0/8" }, /^prefix4: holds loopback/],
    [{ prefix4: "169.254.1.0/24" }, /^prefix4: holds link-local/],
    [{ prefix4: "224.0.0.0/8" }, /^prefix4: holds multicast/],
    [{ prefix4: "255.0.0.0/8" }, /^prefix4: holds reserved/],
    [{ prefix4: "0.0.0.0/8" }, /^prefix4: holds addresses that mean no host/],
    [{ prefix6: "fe80::/64" }, /^prefix6: must lie in/],
    [{ prefix6: "ff00::/16" }, /^prefix6: must lie in/],
    [{ prefix6: "::/96" }, /^prefix6: must lie in/],
    [{ prefix6: "::ffff:0:0/96" }, /^prefix6: must lie in/],
    [{ blockLength4: 27 }, /^blockLength6: must be 123/],
    [{ blockLength4: 19 }, /^blockLength4: /],
    [{ mode: "fast" }, /^mode: /],
    [{ name: "No" }, /^name: /],
  ])("%o", (over, message) => {
    expect(problems(over).join("\n")).toMatch(message);
  });
});
