import fs from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryDirectory, until } from "../testing/temporary.ts";
import { DirectoryWatch } from "./watch.ts";

function watched() {
  const root = temporaryDirectory("watch");
  const seen = { calls: 0 };
  const watch = new DirectoryWatch(() => seen.calls++);
  onTestFinished(() => watch.close());
  const changes = async (what: string, change: () => void) => {
    const before = seen.calls;
    change();
    await until(what, () => seen.calls > before);
  };
  return { root, seen, watch, changes };
}

describe("a watch on directories", () => {
  test("tells of what is made in one, and looks again while that is being filled", async () => {
    const { root, seen, watch, changes } = watched();
    watch.follow([root]);
    await changes("the directory", () => fs.mkdirSync(path.join(root, "box")));
    await until("further looks", () => seen.calls >= 5);
  });

  test("tells of one that isn't there yet when it comes, however deep, and then of what is in it", async () => {
    const { root, watch, changes } = watched();
    const deep = path.join(root, "a/b/runc");
    watch.follow([deep]);
    await changes("what is above it", () => fs.mkdirSync(deep, { recursive: true }));
    watch.follow([deep]);
    await changes("what is in it", () => fs.mkdirSync(path.join(deep, "box")));
  });

  test("goes on with one that was removed and made again", async () => {
    const { root, watch, changes } = watched();
    const runc = path.join(root, "runc");
    fs.mkdirSync(runc);
    watch.follow([runc]);
    await changes("its end", () => fs.rmdirSync(runc));
    fs.mkdirSync(runc);
    watch.follow([runc]);
    await changes("what is in the new one", () => fs.mkdirSync(path.join(runc, "box")));
  });

  test("of very many events looks a bounded number of times", async () => {
    const { root, seen, watch } = watched();
    watch.follow([root]);
    for (let i = 0; i < 500; i++) fs.mkdirSync(path.join(root, String(i)));
    await until("the looks", () => seen.calls >= 5);
    expect(seen.calls).toBeLessThan(100);
  });

  test("tells nothing more after it was closed", () => {
    const { root, seen, watch } = watched();
    watch.follow([root]);
    fs.mkdirSync(path.join(root, "box"));
    watch.close();
    expect(seen.calls).toBe(0);
  });
});
