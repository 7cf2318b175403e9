import { describe, expect, test } from "vitest";
import { matchesHotkey } from "./hotkeys.ts";

const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const matches = (key: string, pressed: Partial<KeyboardEvent> & { key: string }, mod = false): boolean =>
  matchesHotkey({ key, mod, run: () => {} }, { ...none, ...pressed });

describe("a key", () => {
  test("is the same with Caps Lock on, alone and with Ctrl", () => {
    expect(matches("j", { key: "j" })).toBe(true);
    expect(matches("j", { key: "J" })).toBe(true);
    expect(matches("k", { key: "K", ctrlKey: true }, true)).toBe(true);
  });
  test("with Shift is another one, whatever Caps Lock makes of it", () => {
    expect(matches("j", { key: "J", shiftKey: true })).toBe(false);
    expect(matches("j", { key: "j", shiftKey: true })).toBe(false);
  });
  test("that needs Shift on some keyboards is what it says", () => {
    expect(matches("?", { key: "?", shiftKey: true })).toBe(true);
    expect(matches("/", { key: "/", shiftKey: true })).toBe(true);
    expect(matches("Enter", { key: "Enter" })).toBe(true);
  });
});
