/* The texts people read: always there, never empty, also for values and names that this version doesn't know. */
import { expect, test } from "vitest";
import { DROP_REASONS, dropReason, dropReasonName } from "../src/drop-reasons.ts";
import { FLOW_TCP_STATE_LABELS, labelOf, textOf } from "../src/labels.ts";

test("every drop reason says what it means and what to do next", () => {
  for (const [name, text] of Object.entries(DROP_REASONS)) {
    expect(text.title.length, name).toBeGreaterThan(4);
    expect(text.title.length, name).toBeLessThanOrEqual(50);
    expect(text.explanation, name).toMatch(/[.?]$/);
    expect(text.nextStep, name).toMatch(/[.?]$/);
  }
});

test("reasons are found with and without the kernel's prefix", () => {
  expect(dropReason("SKB_DROP_REASON_NO_SOCKET")).toBe(dropReason("NO_SOCKET"));
  expect(dropReason("TCP_OLD_ACK").class).toBe("ordinary");
  expect(dropReason("QDISC_DROP").class).toBe("loss");
});

test("a reason of a newer kernel is a loss under its own name", () => {
  expect(dropReason("SKB_DROP_REASON_FROM_THE_FUTURE")).toMatchObject({
    class: "loss",
    title: "FROM_THE_FUTURE",
  });
  expect(dropReason("constructor").class).toBe("loss");
});

test("enumerators that only bound the enumeration are no reasons", () => {
  expect(dropReasonName("SKB_DROP_REASON_MAX")).toBeUndefined();
  expect(dropReasonName("SKB_DROP_REASON_SUBSYS_MASK")).toBeUndefined();
  expect(dropReasonName("SKB_CONSUMED")).toBe("SKB_CONSUMED");
});

test("an unknown value has a label that says its number", () => {
  expect(labelOf(FLOW_TCP_STATE_LABELS, 2).title).toBe("established");
  expect(labelOf(FLOW_TCP_STATE_LABELS, 77).title).toBe("unknown (77)");
});

test("a process name ends at its first zero and hides what can't be printed", () => {
  expect(textOf(Uint8Array.of(110, 111, 100, 101, 0, 88))).toBe("node");
  expect(textOf(Uint8Array.of(27, 91, 109))).toBe("\u{fffd}[m");
  expect(textOf(Uint8Array.of(0xff, 65))).toBe("\u{fffd}A");
});
