import { parseFilter } from "@millrace/contract/filter";
import type { MapNode } from "@millrace/contract/map";
import { describe, expect, test } from "vitest";
import { dropShare, edgeFilter, fastShare, nodeTitle, rateOf, withNode } from "./map-words.ts";

const node = (kind: MapNode["kind"], name: string, namespace: string | null = null): MapNode => ({
  ...{ id: `${kind} ${name}`, kind, name, namespace },
});
const web = node("service", "web", "shop");
const outside = node("outside", "outside");

describe("the filter behind an edge", () => {
  test.each([
    ["a service in its namespace", web, "src.service=web src.namespace=shop"],
    ["a service without one", node("service", "web"), 'src.service=web -src.namespace~""'],
    ["a pod without a service", node("pod", "web-1", "shop"), "src.pod=web-1 src.namespace=shop"],
    ["a namespace", node("namespace", "shop"), "src.namespace=shop"],
    ["the host itself", node("host", "h1"), "src.host=h1 src.kind=host"],
    ["the outside", outside, "src.kind=external,unknown"],
    ["pods without a namespace", node("unplaced", "unplaced"), 'src.kind=pod -src.namespace~""'],
  ])("names %s and nothing else", (_, one, wanted) => {
    const filter = withNode("", one, "src", "service");
    expect(filter).toBe(wanted);
    expect(parseFilter(filter ?? "").problems).toEqual([]);
  });

  test("by host it is all that stands on the host", () => {
    expect(withNode("", node("host", "h1"), "dst", "host")).toBe("dst.host=h1");
    expect(withNode("", node("unplaced", "unplaced"), "dst", "host")).toBe('dst.kind=pod -dst.host~""');
  });

  test("keeps what the page is filtered by, and names both ends", () => {
    expect(edgeFilter("dst.port=443", web, outside, "service")).toBe(
      "dst.port=443 src.service=web src.namespace=shop dst.kind=external,unknown",
    );
  });

  test("there is none where sums keep no name", () => {
    expect(edgeFilter("", web, node("other", "other"), "service")).toBeNull();
    expect(edgeFilter("", node("other", "other"), web, "service")).toBeNull();
  });

  test("a name with spaces or commas is quoted", () => {
    const filter = withNode("", node("service", "a, b"), "src", "service") ?? "";
    expect(parseFilter(filter).terms[0]?.values).toEqual([{ text: "a, b", number: null }]);
  });
});

test("the share of drops is of what was seen, and never above one", () => {
  expect(dropShare({ drops: 0, packets: 0 })).toBe(0);
  expect(dropShare({ drops: 5, packets: 100 })).toBe(0.05);
  expect(dropShare({ drops: 5, packets: 0 })).toBe(1);
});

test("where nothing was carried there is no share of the fast path", () => {
  expect(fastShare({ pathTiers: null })).toBeNull();
  expect(fastShare({ pathTiers: { slow: 1, fast: 3 } })).toBe(0.75);
});

test("a rate is of the time that was reported; without such time there is none", () => {
  expect(rateOf(3000, "bytes", { seconds: 3 })).toEqual({ value: "1", unit: "kB/s" });
  expect(rateOf(3000, "bytes", { seconds: 0 })).toBeNull();
});

test("what has no name of its own is told apart by how ends are grouped", () => {
  expect(nodeTitle(outside, "service")).toBe("outside");
  expect(nodeTitle(node("unplaced", "unplaced"), "namespace")).toBe("no namespace");
  expect(nodeTitle(node("unplaced", "unplaced"), "host")).toBe("host not known");
});
