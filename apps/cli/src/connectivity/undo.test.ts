import { expect, test } from "vitest";
import { Undo } from "./undo.ts";

const nothing = async () => {};

test("what uses a thing goes before the thing, each once, however often it is asked for", async () => {
  const undo = new Undo();
  const order: string[] = [];
  for (const kind of ["namespace", "documents", "attachment", "prober", "documents", "namespace"] as const)
    await undo.make(kind, "one", nothing, async () => order.push(kind));
  expect(await Promise.all([undo.run(), undo.run()])).toEqual([[], []]);
  expect(await undo.run()).toEqual([]);
  expect(order).toEqual(["documents", "documents", "prober", "attachment", "namespace", "namespace"]);
});

test("nothing goes before what uses it is gone", async () => {
  const undo = new Undo();
  const order: string[] = [];
  await undo.make("namespace", "a", nothing, async () => order.push("namespace gone"));
  await undo.make("attachment", "a", nothing, async () => {
    order.push("attachment goes");
    await new Promise((resolve) => setImmediate(resolve));
    order.push("attachment gone");
  });
  await undo.run();
  expect(order).toEqual(["attachment goes", "attachment gone", "namespace gone"]);
});

test("what can't be taken away keeps nothing else, and is named", async () => {
  const undo = new Undo();
  const order: string[] = [];
  await undo.make("namespace", "a", nothing, async () => order.push("namespace"));
  await undo.make("attachment", "of a", nothing, async () => {
    throw new Error("the agent is away");
  });
  expect(await undo.run()).toEqual(["attachment of a: the agent is away"]);
  expect(order).toEqual(["namespace"]);
});

test("what could only be half made is taken away as well", async () => {
  const undo = new Undo();
  const order: string[] = [];
  const half = async () => {
    order.push("half");
    throw new Error("no address is free");
  };
  await expect(undo.make("attachment", "a", half, async () => order.push("gone"))).rejects.toThrow(
    "no address",
  );
  expect(await undo.run()).toEqual([]);
  expect(order).toEqual(["half", "gone"]);
});

test("what is just being made is taken away when it is there, and nothing is made after", async () => {
  const undo = new Undo();
  const order: string[] = [];
  let finish = () => {};
  const making = undo.make(
    "namespace",
    "a",
    async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      order.push("made");
    },
    async () => order.push("gone"),
  );
  const ended = undo.run();
  await expect(undo.make("prober", "b", async () => order.push("late"), nothing)).rejects.toThrow(
    "the run is over",
  );
  finish();
  await Promise.all([making, ended]);
  expect(order).toEqual(["made", "gone"]);
});
