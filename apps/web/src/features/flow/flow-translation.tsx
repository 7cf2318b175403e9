"use client";
/** What a NAT on the way made of a flow: the tuples before and after, for the drawer. */
import type { FlowRow, FlowTuple } from "@millrace/contract/flow";
import { Section } from "@/ui/section.tsx";
import { TermValue } from "@/view/term-value.tsx";
import { isRewritten, sideText } from "./translation-text.ts";

const WHERE = {
  first: "as the source sends it",
  between: "on the way",
  last: "as the destination gets it",
} as const;

/** Both tuples, each part a filter; what the NAT changed stands out. */
export function FlowTranslation({ row }: { row: FlowRow }) {
  if (row.otherSideUnknown !== null)
    return (
      <Section title="Translated?">
        <p className="text-text-2">Translated: the other side isn't known. {row.otherSideUnknown}</p>
      </Section>
    );
  if (row.tuples.length === 0) return null;
  return (
    <Section title="Translated on its way">
      <ol className="flex flex-col gap-1">
        {row.tuples.map((tuple, at) => (
          <li key={formText(tuple)} className="flex flex-col border-b border-line py-1 last:border-0">
            <span className="text-text-3">
              {at === 0 ? WHERE.first : at === row.tuples.length - 1 ? WHERE.last : WHERE.between}
            </span>
            <span className="flex flex-wrap items-baseline gap-x-2">
              <Side at={tuple.src} field="src" changed={isRewritten(row.tuples, at, "src")} />
              <span className="text-text-3">→</span>
              <Side at={tuple.dst} field="dst" changed={isRewritten(row.tuples, at, "dst")} />
            </span>
          </li>
        ))}
      </ol>
      {row.join === "single" && (
        <p className="mt-1 text-text-3">No observer of ours reported it from the other side.</p>
      )}
    </Section>
  );
}

const formText = ({ src, dst }: FlowTuple): string => `${src.ip} ${src.port} ${dst.ip} ${dst.port}`;

function Side({ at, field, changed }: { at: FlowTuple["src"]; field: "src" | "dst"; changed: boolean }) {
  return (
    <TermValue
      field={`${field}.ip`}
      value={at.ip}
      className={changed ? "figure text-text-1 underline decoration-dotted" : "figure text-text-2"}
    >
      {sideText(at)}
    </TermValue>
  );
}
