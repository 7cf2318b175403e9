import { expect, test } from "vitest";
import { hostsIn } from "./command.ts";

test("without --host it is this machine, at the agent's usual socket", () => {
  expect(hostsIn(undefined, "box-1")).toEqual([
    { name: "box-1", socket: "/run/millrace/cni.sock", netns: undefined },
  ]);
});
test("a host is named with its agent's socket, and with its namespace where that isn't ours", () => {
  expect(hostsIn(["h1=/tmp/a.sock", "h2=/tmp/b.sock,/run/netns/h2"], "box-1")).toEqual([
    { name: "h1", socket: "/tmp/a.sock", netns: undefined },
    { name: "h2", socket: "/tmp/b.sock", netns: "/run/netns/h2" },
  ]);
});
test.each([
  [["h1"], /^--host: “h1” is not like host-1=\/run\/millrace\/cni.sock$/],
  [["h1=cni.sock"], /is not like/],
  [["h 1=/a.sock"], /is not like/],
  [["h1=/a.sock", "h1=/b.sock"], /named twice/],
  [Array.from({ length: 9 }, (_, i) => `h${i}=/a.sock`), /at most 8/],
])("--host %j is refused", (texts, why) => {
  expect(() => hostsIn(texts, "box-1")).toThrow(why);
});
