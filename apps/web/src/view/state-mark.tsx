/** A host's state as glyph, word and colour together. Unknown is hatched, as everywhere. */
import type { HostState } from "@millrace/contract/host";
import { classNames } from "@/ui/class-names.ts";

export const HOST_STATE: Record<HostState, { title: string; glyph: string; look: string; color: string }> = {
  ok: { title: "ok", glyph: "●", look: "text-ok", color: "--state-ok" },
  warn: { title: "warning", glyph: "▲", look: "text-warn", color: "--state-warn" },
  bad: { title: "bad", glyph: "✕", look: "text-bad", color: "--state-bad" },
  unknown: { title: "unknown", glyph: "?", look: "text-unknown", color: "--state-unknown" },
};

/** Worst first: what needs somebody's eye. */
export const HOST_STATE_ORDER = ["bad", "warn", "unknown", "ok"] as const satisfies readonly HostState[];

export function StateMark({ state, bare }: { state: HostState; bare?: boolean }) {
  const { title, glyph, look } = HOST_STATE[state];
  return (
    <span className={classNames("inline-flex items-center gap-1.5", look)}>
      <span
        aria-hidden={!bare}
        title={bare ? title : undefined}
        className={classNames(
          "grid size-4 place-items-center rounded-sm text-2xs",
          state === "unknown" && "hatched border border-line-strong",
        )}
      >
        {state === "unknown" ? "" : glyph}
      </span>
      {!bare && title}
    </span>
  );
}
