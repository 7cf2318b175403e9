/** The path tier that carried a flow as glyph, word and colour together; a dash where Millrace carries no packet of it. */
import { PATH_TIER_GLYPH, pathTierOf, type TierCounts } from "@millrace/contract/verdict";

export function TierMark({ of }: { of: TierCounts | null }) {
  if (!of) return <span className="text-text-3">–</span>;
  const tier = pathTierOf(of);
  return (
    <span className={tier === "fast" ? "text-fast" : "text-slow"}>
      <span aria-hidden className="figure mr-1.5">
        {PATH_TIER_GLYPH[tier]}
      </span>
      {tier}
    </span>
  );
}
