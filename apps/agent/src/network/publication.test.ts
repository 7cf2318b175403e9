import { expect, test } from "vitest";
import { labelsToPublish } from "./publication.ts";

const record = { namespace: "shop" };
const [found, last] = [{ app: "web", tier: "front" }, { app: "web" }];

test.each([
  ["what is found", found, last, found],
  ["while nothing is found, as after a start, what was published last", undefined, last, last],
  ["of a new pod what the runtime told", undefined, undefined, { "io.kubernetes.pod.namespace": "shop" }],
])("a pod is published with %s", (_what, seen, before, labels) => {
  expect(labelsToPublish(record, seen, before)).toEqual(labels);
});

test("a pod of no namespace that nobody has labelled has no label", () => {
  expect(labelsToPublish({ namespace: null }, undefined, undefined)).toEqual({});
});
