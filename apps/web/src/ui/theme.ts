"use client";
/**
 * Dark or light, kept in a cookie so that the server can draw the page right at once, without a script in
 * its head. Dark is what one gets without asking.
 */
import { useSyncExternalStore } from "react";
import { THEME_COOKIE } from "./theme-cookie.ts";

export type Theme = "dark" | "light";
const YEAR_S = 31_536_000;

const listeners = new Set<() => void>();
const current = (): Theme => (document.documentElement.classList.contains("dark") ? "dark" : "light");

export function setTheme(theme: Theme): void {
  document.documentElement.classList.toggle("dark", theme === "dark");
  // biome-ignore lint/suspicious/noDocumentCookie: the newer interface is missing in some browsers
  document.cookie = `${THEME_COOKIE}=${theme}; path=/; max-age=${YEAR_S}; samesite=lax`;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** For what paints with values instead of variables: a canvas. */
export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, current, () => "dark");
}
export const toggleTheme = (): void => setTheme(current() === "dark" ? "light" : "dark");
