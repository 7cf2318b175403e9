/** The control socket takes what the protocol names and says what is wrong with anything else. */
import { expect, test } from "vitest";
import { parseRequest } from "./control-protocol.ts";

test.each([
  { ask: "status" },
  { ask: "fault", name: "crash-loop", on: true },
  { ask: "rate", ratePerSecond: 0 },
  { ask: "down" },
] as const)("%j is a request", (request) => {
  expect(parseRequest(JSON.stringify(request))).toEqual(request);
});

test.each([
  ["", "isn't JSON"],
  ["{", "isn't JSON"],
  ["null", "isn't valid"],
  ['{"ask":"reboot"}', "isn't valid"],
  ['{"ask":"rate","ratePerSecond":-1}', "ratePerSecond"],
  ['{"ask":"fault","name":"nope","on":true}', "name"],
  ['{"ask":"down","now":true}', "now"],
])("%s is refused", (line, reason) => {
  expect(() => parseRequest(line)).toThrow(reason);
});
