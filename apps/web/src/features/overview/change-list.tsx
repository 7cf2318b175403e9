"use client";
/** What changed lately, in time order: traces, agents that came or went, new reasons, settings. */
import type { Overview } from "@millrace/contract/overview";
import Link from "next/link";
import { Section } from "@/ui/section.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { useNow } from "@/view/clock.tsx";

export function ChangeList({ changes }: { changes: Overview["changes"] }) {
  const now = useNow(5000);
  return (
    <Section title="What changed lately">
      {changes.length === 0 && <p className="py-2 text-text-3">Nothing in the time shown.</p>}
      <ol className="text-xs">
        {changes.map((change) => (
          <li key={`${change.at}${change.text}`} className="flex gap-3 border-b border-line py-1.5">
            <span className="w-20 shrink-0 text-text-3">
              <TimeText at={change.at} as="age" now={now} />
            </span>
            <span className="min-w-0">
              {change.href ? (
                <Link href={change.href} className="hover:text-accent hover:underline">
                  {change.text}
                </Link>
              ) : (
                change.text
              )}
              {change.author && <span className="text-text-3"> by {change.author}</span>}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
