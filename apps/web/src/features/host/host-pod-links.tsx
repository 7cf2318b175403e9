"use client";
/** What the links of the host's pods are made of: new ones, and those there are. */
import type { NetworkReport } from "@millrace/contract/agent-protocol";
import { count } from "@millrace/contract/units";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";

const KINDS = ["netkit", "veth"] as const;

export function HostPodLinks({ links }: { links: NetworkReport["podLinks"] }) {
  if (!links) return null;
  return (
    <Section title="Links of its pods" note="a link stays of the kind that it was made of">
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 py-2 text-xs">
        <div className="contents">
          <dt className="text-text-2">New ones are made of</dt>
          <dd className="figure text-right">{links.kind}</dd>
        </div>
        {KINDS.map((kind) => (
          <div key={kind} className="contents">
            <dt className="text-text-2">There are of {kind}</dt>
            <dd className="text-right">
              <Quantity value={count(links.count[kind])} />
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
