import { expect, test } from "vitest";
import { nodeOf } from "./node.ts";

test.each([
  ["service shop/web", { kind: "service", name: "web", namespace: "shop" }],
  ["service web", { kind: "service", name: "web", namespace: null }],
  ["pod shop/a/b", { kind: "pod", name: "a/b", namespace: "shop" }],
  ["namespace shop", { kind: "namespace", name: "shop", namespace: null }],
  ["host h 1", { kind: "host", name: "h 1", namespace: null }],
  ["outside", { kind: "outside", name: "outside", namespace: null }],
  ["unplaced", { kind: "unplaced", name: "unplaced", namespace: null }],
])("%s is read as it was written", (id, node) => {
  expect(nodeOf(id)).toEqual({ id, ...node });
});
