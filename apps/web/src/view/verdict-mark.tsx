/** A flow's verdict as glyph, word and colour together; with the reason when it was dropped. */
import { VERDICT_GLYPH, VERDICT_TITLE, type Verdict } from "@millrace/contract/verdict";
import { classNames } from "@/ui/class-names.ts";

const LOOK: Record<Verdict, string> = {
  forwarded: "text-forwarded",
  dropped: "text-dropped",
  "would-drop": "text-would-drop",
  unknown: "text-unknown",
};

export function VerdictMark({ verdict, reason }: { verdict: Verdict; reason?: string | null }) {
  return (
    <span className={classNames("inline-flex min-w-0 items-center gap-1.5", LOOK[verdict])}>
      <span
        aria-hidden
        className={classNames(
          "figure grid size-4 shrink-0 place-items-center rounded-sm",
          verdict === "unknown" && "hatched border border-line-strong",
        )}
      >
        {verdict === "unknown" ? "" : VERDICT_GLYPH[verdict]}
      </span>
      <span className="truncate">
        {VERDICT_TITLE[verdict]}
        {reason && <span className="figure ml-1.5 text-text-2">{reason}</span>}
      </span>
    </span>
  );
}
