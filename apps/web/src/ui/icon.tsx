/**
 * The dashboard's icons: strokes on a 16-unit grid, in the text's colour. Always beside a word or on a button
 * with a label, so they say nothing to a screen reader.
 */
const PATHS = {
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  audit: "M4 2.5h8v11H4zM6.5 5.5h3M6.5 8h3M6.5 10.5h2",
  back: "M13 8H3M7 4 3 8l4 4",
  check: "m3 8.5 3.2 3L13 4.5",
  clock: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2ZM8 4.8V8l2.2 1.4",
  close: "m4 4 8 8M12 4l-8 8",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.500V2.500h-8v8h3",
  download: "M8 2.500v7.500M4.8 7 8 10.2 11.2 7M3 13.500h10",
  drops: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2ZM3.8 12.200l8.4-8.4",
  filter: "M2 3h12L9.5 8.500V13l-3-1.500v-3z",
  flows: "M2 5.500h11M10 2.500l3 3-3 3M14 10.500H3M6 7.500l-3 3 3 3",
  hosts: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  map: "M2.5 6h4v4h-4zM9.5 2h4v4h-4zM9.5 10h4v4h-4zM6.5 7.200l3-2.200M6.5 8.800l3 2.200",
  menu: "M2.5 4.500h11M2.5 8h11M2.5 11.500h11",
  minus: "M3.5 8h9",
  moon: "M13 9.500A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.500Z",
  overview:
    "M2.5 2.500h4.500v4.500h-4.500zM9 2.500h4.500v4.500H9zM2.5 9h4.500v4.500h-4.500zM9 9h4.500v4.500H9z",
  palette:
    "m6.5 6.500h3v3h-3zM6.5 6.500h-1.700A1.7 1.7 0 1 1 6.5 4.800zM9.5 6.500V4.800a1.7 1.7 0 1 1 1.7 1.700zM9.5 9.500h1.700a1.7 1.7 0 1 1-1.7 1.700zM6.5 9.500v1.700a1.7 1.7 0 1 1-1.7-1.700z",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3v10l7.5-5z",
  plus: "M3.5 8h9M8 3.500v9",
  policies:
    "M8 1.800 13 3.500v4.300c0 3-2.100 5.200-5 6.400-2.900-1.200-5-3.400-5-6.400V3.500zM5.700 8l1.700 1.700 3-3.200",
  services: "M2 6.500h4v3H2zM10 2.500h4v3h-4zM10 10.500h4v3h-4zM6 8h2M8 4v8M8 4h2M8 12h2",
  settings:
    "M2.5 4.500h6.500M12 4.500h1.500M2.5 11.500H4M7 11.500h6.500M10.5 3a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3ZM5.5 10a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3Z",
  stop: "M4 4h8v8H4z",
  stopAll: "M5.5 2h5L14 5.500v5L10.5 14h-5L2 10.500v-5zM6 6l4 4M10 6l-4 4",
  sun: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6ZM8 1.500v1M8 13.500v1M1.5 8h1M13.5 8h1M3.4 3.400l.7.7M11.9 11.900l.7.7M3.4 12.600l.7-.7M11.9 4.100l.7-.7",
  traces: "M8 3.500a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM8 1.500v4M8 10.500v4M1.5 8h4M10.5 8h4",
  user: "M8 2.500a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.400ZM2.8 13.500c.7-2.6 2.7-4 5.2-4s4.5 1.4 5.2 4",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 14, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={className ?? "shrink-0"}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
