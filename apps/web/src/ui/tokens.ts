/**
 * The colours' names for what draws with SVG and canvas. Values live in tokens.css only, so a chart follows
 * the theme without being told.
 */
export const SERIES = [
  "var(--series-1)",
  "var(--series-2)",
  "var(--series-3)",
  "var(--series-4)",
  "var(--series-5)",
  "var(--series-6)",
  "var(--series-7)",
] as const;

export const COLOR = {
  forwarded: "var(--series-1)",
  dropped: "var(--verdict-dropped)",
  wouldDrop: "var(--verdict-would-drop)",
  unknown: "var(--verdict-unknown)",
  line: "var(--line)",
  axis: "var(--text-3)",
  crosshair: "var(--line-strong)",
} as const;

/** A canvas can't read `var()`: the value as the element's theme has it now. */
export function colorValue(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
