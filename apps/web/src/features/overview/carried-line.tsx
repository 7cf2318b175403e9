"use client";
/** Of what Millrace carries: how much rides which path tier, and what policies that only observe would have dropped. */
import type { Overview } from "@millrace/contract/overview";
import { count, percent } from "@millrace/contract/units";
import { PATH_TIER_GLYPH, PATH_TIER_TITLE, VERDICT_GLYPH } from "@millrace/contract/verdict";
import Link from "next/link";
import { Quantity } from "@/ui/quantity.tsx";
import { useHref } from "@/view/url-state.ts";

const LOOK = {
  fast: { text: "text-fast", bar: "bg-fast" },
  slow: { text: "text-slow", bar: "bg-slow" },
} as const;

export function CarriedLine({ overview: { pathTiers, wouldDrop } }: { overview: Overview }) {
  const link = useHref();
  if (!pathTiers && wouldDrop === 0) return null;
  return (
    <section
      aria-label="Carried by Millrace"
      className="flex flex-wrap items-center gap-x-6 gap-y-1 px-4 text-xs"
    >
      {pathTiers && <Tiers of={pathTiers} href={(tier) => link("/flows", { q: `tier=${tier}` })} />}
      {wouldDrop > 0 && (
        <Link
          href={link("/flows", { q: "verdict=would-drop" })}
          className="text-would-drop hover:underline"
          title="By policies that only observe; each interval in which a flow meets one is a report"
        >
          <span aria-hidden>{VERDICT_GLYPH["would-drop"]}</span> <Quantity value={count(wouldDrop)} />{" "}
          {wouldDrop === 1 ? "report" : "reports"} that a flow would be dropped
        </Link>
      )}
    </section>
  );
}

function Tiers({
  of,
  href,
}: {
  of: { slow: number; fast: number };
  href: (tier: "slow" | "fast") => string;
}) {
  const all = of.slow + of.fast;
  return (
    <>
      <span className="text-text-2">
        <Quantity value={count(all)} /> packets carried by Millrace
      </span>
      <span aria-hidden className="flex h-1.5 w-40 overflow-hidden rounded-full">
        {(["fast", "slow"] as const).map((tier) => (
          <span key={tier} className={LOOK[tier].bar} style={{ width: `${(of[tier] / all) * 100}%` }} />
        ))}
      </span>
      {(["fast", "slow"] as const).map((tier) => (
        <Link key={tier} href={href(tier)} className={`${LOOK[tier].text} hover:underline`}>
          <span aria-hidden>{PATH_TIER_GLYPH[tier]}</span> {PATH_TIER_TITLE[tier]}{" "}
          <Quantity value={percent(of[tier] / all)} />
        </Link>
      ))}
    </>
  );
}
