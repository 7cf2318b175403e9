"use client";
/** The service that a flow was asked for, before its translation and after: the drawer's part. */
import { askedName, askedText, backendText } from "@millrace/contract/asked-service";
import type { FlowRow } from "@millrace/contract/flow";
import { Section } from "@/ui/section.tsx";
import { endName } from "@/view/end-name.ts";
import { TermValue } from "@/view/term-value.tsx";

export function FlowService({ row }: { row: FlowRow }) {
  const { asked } = row;
  if (!asked) return null;
  const name = askedName(asked);
  return (
    <Section title="Service">
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span>{endName(row.src)}</span>
        <span className="text-text-3">→</span>
        <span>
          <TermValue field="service.address" value={asked.ip} className="figure">
            {askedText({ ...asked, name: null })}
          </TermValue>
          {name !== null && (
            <>
              {" "}
              <TermValue field="dst.service" value={name} className="figure text-text-2" />
            </>
          )}
        </span>
        <span className="text-text-3">→</span>
        <span className="figure">{backendText(row)}</span>
      </p>
      {name === null && (
        <p className="mt-1 text-text-3">The address was no service&apos;s that is declared.</p>
      )}
    </Section>
  );
}
