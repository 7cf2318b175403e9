"use client";
/**
 * Single keys for the whole page. They rest while somebody types, a dialog is open, or what has the focus takes
 * the key itself, as a menu does; the last one registered wins, so a drawer may take a key over from its table.
 */
import { useEffect, useRef } from "react";

export type Hotkey = { key: string; mod?: boolean; run: (event: KeyboardEvent) => void };

const stack: (() => readonly Hotkey[])[] = [];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** An open menu is walked through by letters too. */
const inMenu = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest("[role=menu]") !== null;

/** Buttons and links keep Enter and Space for themselves. */
const ownsKey = (event: KeyboardEvent): boolean =>
  (event.key === "Enter" || event.key === " ") &&
  event.target instanceof Element &&
  event.target.closest("button, a, summary, [role=menuitem], [role=option], [role=tab]") !== null;

export function matchesHotkey(
  hotkey: Hotkey,
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
) {
  const mod = event.ctrlKey || event.metaKey;
  return hotkey.key === unlocked(event) && Boolean(hotkey.mod) === mod && !event.altKey;
}

/** The letter as it is without Caps Lock, which turns Shift around: what Shift is held for stays another key. */
function unlocked({ key, shiftKey }: Pick<KeyboardEvent, "key" | "shiftKey">): string {
  if (key.length !== 1) return key;
  return shiftKey ? key.toUpperCase() : key.toLowerCase();
}

function dispatch(event: KeyboardEvent): void {
  // Whoever was nearer has had it: Escape that closed a menu mustn't close the drawer behind it as well.
  if (event.defaultPrevented) return;
  const modal = document.querySelector(
    "[role=dialog][data-state=open]:not([data-radix-popper-content-wrapper] *)",
  );
  for (let at = stack.length - 1; at >= 0; at--) {
    for (const hotkey of stack[at]?.() ?? []) {
      if (!matchesHotkey(hotkey, event)) continue;
      if (!hotkey.mod && (isTyping(event.target) || inMenu(event.target) || ownsKey(event) || modal))
        continue;
      event.preventDefault();
      hotkey.run(event);
      return;
    }
  }
}

export function useHotkeys(hotkeys: readonly Hotkey[]): void {
  const latest = useRef(hotkeys);
  useEffect(() => {
    latest.current = hotkeys;
  });
  useEffect(() => {
    const read = () => latest.current;
    if (stack.length === 0) document.addEventListener("keydown", dispatch);
    stack.push(read);
    return () => {
      stack.splice(stack.indexOf(read), 1);
      if (stack.length === 0) document.removeEventListener("keydown", dispatch);
    };
  }, []);
}
