/** What width and colour of edges mean. */
import type { MapMeasure } from "@millrace/contract/map-choice";
import { EDGE_TONES, TONE } from "./edge-look.ts";
import { MEASURE } from "./map-words.ts";

export function MapLegend({ measure }: { measure: MapMeasure }) {
  return (
    <ul className="pointer-events-none absolute bottom-2 left-4 z-10 flex flex-wrap gap-x-4 text-2xs text-text-2 max-sm:hidden">
      <li>Width: {MEASURE[measure].title.toLowerCase()} per second, by magnitude</li>
      {EDGE_TONES.map((tone) => (
        <li key={tone} className="flex items-center gap-1.5">
          <svg width="26" height="8" aria-hidden="true">
            <path
              d="M1 4H25"
              stroke={TONE[tone].color}
              strokeWidth="2.5"
              strokeDasharray={TONE[tone].dash}
              strokeLinecap={tone === "would-drop" ? "round" : undefined}
            />
          </svg>
          {TONE[tone].title}
        </li>
      ))}
    </ul>
  );
}
