"use client";
/** Both ends side by side, as they were then; every value filters. */
import type { End } from "@millrace/contract/flow";
import type { ReactNode } from "react";
import { Section } from "@/ui/section.tsx";
import { hasPorts } from "@/view/end-name.ts";
import { TermValue } from "@/view/term-value.tsx";

const FIELDS = ["service", "pod", "container", "namespace", "host", "kind", "ip"] as const;

export function FlowEnds({ src, dst, proto }: { src: End; dst: End; proto: number }) {
  const labels = [...new Set([...Object.keys(src.labels), ...Object.keys(dst.labels)])].sort();
  return (
    <Section title="Both ends">
      <table className="w-full table-fixed">
        <thead>
          <tr className="text-left text-text-3">
            <th scope="col" className="w-20 py-1">
              <span className="sr-only">Field</span>
            </th>
            <th scope="col">Source</th>
            <th scope="col">Destination</th>
          </tr>
        </thead>
        <tbody>
          {FIELDS.map((field) => (
            <Row key={field} title={field === "ip" ? "address" : field}>
              {(["src", "dst"] as const).map((side) => {
                const value = (side === "src" ? src : dst)[field];
                return value ? (
                  <TermValue key={side} field={`${side}.${field}`} value={value} className="figure" />
                ) : null;
              })}
            </Row>
          ))}
          {hasPorts(proto) && (
            <Row title="port">
              <TermValue key="src" field="src.port" value={String(src.port)} className="figure" />
              <TermValue key="dst" field="dst.port" value={String(dst.port)} className="figure" />
            </Row>
          )}
          {labels.map((label) => (
            <Row key={label} title={label}>
              {(["src", "dst"] as const).map((side) => {
                const value = (side === "src" ? src : dst).labels[label];
                return value ? (
                  <TermValue key={side} field={`${side}.label`} value={`${label}:${value}`}>
                    {value}
                  </TermValue>
                ) : null;
              })}
            </Row>
          ))}
        </tbody>
      </table>
      {[src, dst].map(
        (end, at) =>
          end.unknown && (
            <p key={end.ip + end.unknown} className="mt-1 text-text-3">
              Names of the {at === 0 ? "source" : "destination"} are not known: {end.unknown}
            </p>
          ),
      )}
    </Section>
  );
}

function Row({ title, children }: { title: string; children: ReactNode[] }) {
  if (children.every((child) => child === null)) return null;
  return (
    <tr>
      <th scope="row" className="truncate py-0 text-left font-normal text-text-3" title={title}>
        {title}
      </th>
      {children.map((child, at) => (
        <td key={at === 0 ? "src" : "dst"} className="truncate">
          {child ?? <span className="text-text-3">–</span>}
        </td>
      ))}
    </tr>
  );
}
