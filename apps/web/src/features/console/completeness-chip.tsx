"use client";
/** How complete what is shown is; opens into which hosts are silent and what was lost. */
import { percent, text } from "@millrace/contract/units";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import dynamic from "next/dynamic";
import { useTRPC } from "@/trpc/client.tsx";
import { classNames } from "@/ui/class-names.ts";
import { Popover } from "@/ui/popover.tsx";
import { useReportedCompleteness, WHOLE_SHARE } from "@/view/completeness-store.ts";
import { useKept } from "@/view/kept-answer.ts";
import { useView } from "@/view/url-state.ts";

const CompletenessDetail = dynamic(
  () => import("./completeness-detail.tsx").then((m) => m.CompletenessDetail),
  {
    ssr: false,
  },
);

/** Below these the chip changes its look: a missing host is worth a glance, a tenth of the data a stop. */
const WARN_BELOW = WHOLE_SHARE;
const BAD_BELOW = 0.9;

export function CompletenessChip() {
  const reported = useReportedCompleteness();
  const { range, question } = useView();
  const trpc = useTRPC();
  const asked = useKept(
    useQuery(
      trpc.overview.get.queryOptions(
        { range },
        { enabled: reported === null, placeholderData: keepPreviousData },
      ),
    ),
    question,
  );
  const shown = reported ?? (asked.error ? null : (asked.data?.completeness ?? null));
  const share = shown ? percent(shown.share) : null;
  const tone = !shown
    ? "text-text-3"
    : shown.share < BAD_BELOW
      ? "text-bad"
      : shown.share < WARN_BELOW
        ? "text-warn"
        : "";
  const glyph = !shown ? "○" : shown.share < BAD_BELOW ? "◔" : shown.share < WARN_BELOW ? "◕" : "●";
  return (
    <Popover
      label="Completeness"
      className="w-96"
      button={{
        variant: "quiet",
        className: classNames("figure w-20 px-1 text-xs", tone),
        "aria-label": `Completeness ${share ? text(share) : "unknown"}`,
        children: (
          <>
            <span aria-hidden>{glyph}</span>
            {share ? text(share) : "–"}
          </>
        ),
      }}
    >
      {shown ? <CompletenessDetail completeness={shown} /> : <p>How complete the data is isn't known yet.</p>}
    </Popover>
  );
}
