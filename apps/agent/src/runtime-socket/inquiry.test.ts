import { describe, expect, test } from "vitest";
import type { Container } from "../workload/container.ts";
import { Inquiry } from "./inquiry.ts";
import { RuntimeNames } from "./names.ts";
import type { Told } from "./told.ts";

const told = (id: string, change: Partial<Told> = {}): Told => ({
  ...{ id, name: `name-of-${id}`, podName: null, podNamespace: null, isSandbox: false },
  ...{ image: "box:1", labels: { app: id }, ...change },
});

/** A runtime that answers when the test says so, and a clock that stands still meanwhile. */
class Runtime {
  nowMs = 0;
  news = 0;
  readonly asked: string[][] = [];
  #answer: { resolve: (told: Told[]) => void; reject: (error: Error) => void } | undefined;
  readonly inquiry = new Inquiry({
    ask: (ids) => {
      this.asked.push([...ids]);
      return new Promise((resolve, reject) => {
        this.#answer = { resolve, reject };
      });
    },
    nowMs: () => this.nowMs,
    onNews: () => this.news++,
  });

  sweep(...ids: string[]): (string | null | undefined)[] {
    const names = ids.map((id) => this.inquiry.of(id)?.name);
    this.inquiry.endSweep();
    return names;
  }
  async answers(...list: Told[]): Promise<void> {
    this.#answer?.resolve(list);
    await new Promise((resolve) => setImmediate(resolve));
  }
  async fails(message: string): Promise<void> {
    this.#answer?.reject(new Error(message));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("an inquiry", () => {
  test("asks once for what is new, waits for nobody and announces what it learnt", async () => {
    const runtime = new Runtime();
    expect(runtime.sweep("a", "b")).toEqual([undefined, undefined]);
    expect(runtime.sweep("a", "b", "c")).toEqual([undefined, undefined, undefined]);
    expect(runtime.asked).toEqual([["a", "b"]]);
    await runtime.answers(told("a"), told("b"));
    expect(runtime.news).toBe(1);
    expect(runtime.sweep("a", "b", "c")).toEqual(["name-of-a", "name-of-b", undefined]);
    expect(runtime.asked).toEqual([["a", "b"], ["c"]]);
  });

  test("asks nothing while there are no containers", () => {
    const runtime = new Runtime();
    runtime.sweep();
    expect(runtime.asked).toEqual([]);
  });

  test("that fails asks less and less often, says why, and keeps what it knew", async () => {
    const runtime = new Runtime();
    runtime.sweep("a");
    await runtime.answers(told("a"));
    runtime.sweep("a", "b");
    await runtime.fails("/run/x.sock isn't there");
    expect(runtime.inquiry.reason).toBe("/run/x.sock isn't there");
    runtime.nowMs = 999;
    expect(runtime.sweep("a", "b")).toEqual(["name-of-a", undefined]);
    expect(runtime.asked).toHaveLength(2);
    runtime.nowMs = 1000;
    runtime.sweep("a", "b");
    await runtime.fails("/run/x.sock isn't there");
    expect(runtime.news).toBe(2); // what is unknown for the same reason is no news
    runtime.nowMs = 2999;
    runtime.sweep("a", "b");
    expect(runtime.asked).toHaveLength(3);
    runtime.nowMs = 3000;
    runtime.sweep("a", "b");
    await runtime.answers(told("b"));
    expect(runtime.inquiry.reason).toBeNull();
    expect(runtime.sweep("a", "b")).toEqual(["name-of-a", "name-of-b"]);
  });

  test("asks soon again for a container that its runtime doesn't list yet", async () => {
    const runtime = new Runtime();
    runtime.sweep("a");
    await runtime.answers(told("other"));
    expect(runtime.inquiry.reason).toMatch(/doesn't know the container/);
    runtime.nowMs = 150;
    runtime.sweep("a");
    await runtime.answers(told("a"));
    expect(runtime.sweep("a")).toEqual(["name-of-a"]);
  });

  test("forgets what has gone, and finds out in time what was renamed", async () => {
    const runtime = new Runtime();
    runtime.sweep("a");
    await runtime.answers(told("a"));
    runtime.sweep();
    expect(runtime.sweep("a")).toEqual([undefined]);
    await runtime.answers(told("a"));
    runtime.nowMs = 300_000;
    runtime.sweep("a");
    await runtime.answers(told("a", { name: "renamed" }));
    expect(runtime.sweep("a")).toEqual(["renamed"]);
  });
});

describe("a container's names", () => {
  const container: Container = {
    ...{ runtime: "podman", id: "0123456789abcdef", pid: 7, startTicks: 7, name: "web", podName: null },
    ...{ podNamespace: null, isSandbox: false, image: null, startedAtMs: null, labels: {} },
    unknown: "labels are told by podman's socket alone",
  };
  const namesOf = (runtime: Runtime) => new RuntimeNames(new Map([["podman", runtime.inquiry]]));

  test("from disk stand, and the socket fills in what is missing", async () => {
    const runtime = new Runtime();
    const names = namesOf(runtime);
    expect(names.complete(container).unknown).toMatch(/podman's socket alone: it is being asked$/);
    names.endSweep();
    await runtime.answers(told(container.id, { podName: "shop" }));
    expect(names.complete(container)).toMatchObject({
      ...{ name: "web", podName: "shop", image: "box:1", unknown: null },
      labels: { app: container.id },
    });
    expect(names.complete({ ...container, name: "0123456789ab" }).name).toBe(`name-of-${container.id}`);
  });

  test("stay unknown for the reason the socket gave", async () => {
    const runtime = new Runtime();
    const names = namesOf(runtime);
    names.complete(container);
    names.endSweep();
    await runtime.fails("/run/x.sock may not be opened by the agent");
    expect(names.complete(container).unknown).toMatch(/alone: \/run\/x.sock may not be opened/);
  });

  test("of which the disk tells everything need no asking", () => {
    const runtime = new Runtime();
    const names = namesOf(runtime);
    expect(names.complete({ ...container, unknown: null }).name).toBe("web");
    names.endSweep();
    expect(runtime.asked).toEqual([]);
  });
});
