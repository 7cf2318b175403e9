import { parseFilter } from "@millrace/contract/filter";
import { expect, test } from "vitest";
import {
  complete,
  completionAt,
  fixedValues,
  suggestFields,
  suggestValues,
  tabCompletes,
} from "./filter-completion.ts";

/** `|` marks the caret. */
function at(marked: string) {
  const caret = marked.indexOf("|");
  const text = marked.replace("|", "");
  return { text, completion: completionAt(text, caret) };
}

test("before an operator a field is completed, after it a value", () => {
  expect(at("ser|").completion).toMatchObject({ kind: "field", prefix: "ser" });
  expect(at("-src.s|").completion).toMatchObject({ kind: "field", prefix: "src.s", start: 1 });
  expect(at("verdict=dro|").completion).toMatchObject({ kind: "value", field: "verdict", prefix: "dro" });
  expect(at("a=b ver|=x").completion).toMatchObject({ kind: "field", prefix: "ver" });
  expect(at("verdict=dropped |").completion).toMatchObject({ kind: "field", prefix: "" });
});

test("of a list only the part under the caret is completed", () => {
  const { text, completion } = at("service=web,ca|,pay");
  expect(completion).toMatchObject({ kind: "value", prefix: "ca" });
  expect(complete(text, completion, "cart").text).toBe("service=web,cart,pay");
});

test("a completed value leaves a filter that can be read", () => {
  const { text, completion } = at('proto=TCP service="my|');
  const done = complete(text, completion, "my shop");
  expect(done.text).toBe('proto=TCP service="my shop" ');
  expect(parseFilter(done.text).problems).toEqual([]);
  expect(done.caret).toBe(done.text.length);
});

test("a completed field waits for its value", () => {
  const { text, completion } = at("rt|");
  expect(complete(text, completion, "rtt")).toEqual({ text: "rtt>", caret: 4, done: false });
});

test("Tab leads out of the filter once there is nothing begun to complete", () => {
  expect(tabCompletes(at("verdict=dro|").completion, false)).toBe(true);
  expect(tabCompletes(at("verdict=dropped |").completion, false)).toBe(false);
  expect(tabCompletes(at("verdict=|").completion, false)).toBe(false);
  expect(tabCompletes(at("verdict=|").completion, true)).toBe(true);
});

test("names that begin with the prefix come first", () => {
  const names = suggestFields("service").map((s) => s.text);
  expect(names[0]).toBe("service");
  expect(names).toContain("src.service");
});

test("what is already written in full isn't suggested", () => {
  expect(suggestValues(["dropped", "forwarded"], "dropped")).toEqual([]);
  expect(fixedValues("verdict")).toContain("dropped");
  expect(fixedValues("service")).toBeNull();
  expect(fixedValues("nonsense")).toEqual([]);
});
