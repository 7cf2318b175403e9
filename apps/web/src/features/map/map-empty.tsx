"use client";
/** No edges, and why: silent hosts, the filter, or nothing that was seen. */
import type { FlowMap } from "@millrace/contract/map";
import Link from "next/link";
import { Button } from "@/ui/button.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { Notice } from "@/ui/notice.tsx";
import { rangePhrase } from "@/view/time-range.ts";
import { useView } from "@/view/url-state.ts";

export function MapEmpty({ map }: { map: FlowMap }) {
  const { choice, filter, setFilter } = useView();
  const { hostsAnswered, hostsExpected } = map.completeness;
  if (hostsExpected > 0 && hostsAnswered === 0)
    return (
      <Notice
        tone="bad"
        title={`What depends on what isn't known: ${hostsExpected === 1 ? "the only host is" : `all ${hostsExpected} hosts are`} silent.`}
        actions={
          <Link href="/hosts" className={buttonLook()}>
            Look at the hosts
          </Link>
        }
      >
        What agents counted meanwhile arrives when they are back.
      </Notice>
    );
  if (filter)
    return (
      <Notice
        title={`Nothing to draw: no flow ${rangePhrase(choice)} matches the filter.`}
        actions={<Button onClick={() => setFilter("")}>Clear the filter</Button>}
      >
        <span className="figure">{filter}</span>
      </Notice>
    );
  return (
    <Notice title={`Nothing to draw: no flow was seen ${rangePhrase(choice)}.`}>
      {hostsAnswered} of {hostsExpected} hosts reported. An edge appears with the first flow between two
      workloads.
    </Notice>
  );
}
