import { expect, test } from "vitest";
import { Undo } from "./undo.ts";

const nothing = async () => {};

test("what was made last goes first, each once, however often it is asked for", async () => {
  const undo = new Undo();
  const order: string[] = [];
  for (const what of ["namespace", "attachment", "prober", "documents"])
    await undo.make(what, nothing, async () => order.push(what));
  expect(await Promise.all([undo.run(), undo.run()])).toEqual([[], []]);
  expect(await undo.run()).toEqual([]);
  expect(order).toEqual(["documents", "prober", "attachment", "namespace"]);
});

test("what can't be taken away keeps nothing else, and is named", async () => {
  const undo = new Undo();
  const order: string[] = [];
  await undo.make("namespace", nothing, async () => order.push("namespace"));
  await undo.make("attachment", nothing, async () => {
    throw new Error("the agent is away");
  });
  expect(await undo.run()).toEqual(["attachment: the agent is away"]);
  expect(order).toEqual(["namespace"]);
});

test("what could only be half made is taken away as well", async () => {
  const undo = new Undo();
  const order: string[] = [];
  const half = async () => {
    order.push("half");
    throw new Error("no address is free");
  };
  await expect(undo.make("attachment", half, async () => order.push("gone"))).rejects.toThrow("no address");
  expect(await undo.run()).toEqual([]);
  expect(order).toEqual(["half", "gone"]);
});

test("what is just being made is taken away when it is there, and nothing is made after", async () => {
  const undo = new Undo();
  const order: string[] = [];
  let finish = () => {};
  const making = undo.make(
    "namespace",
    async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      order.push("made");
    },
    async () => order.push("gone"),
  );
  const ended = undo.run();
  await expect(undo.make("prober", async () => order.push("late"), nothing)).rejects.toThrow(
    "the run is over",
  );
  finish();
  await Promise.all([making, ended]);
  expect(order).toEqual(["made", "gone"]);
});
