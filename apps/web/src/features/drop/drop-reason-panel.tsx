"use client";
/** What a drop reason means and what to do next; from here to the flows and to a trace. */
import { dropReason } from "@millrace/abi/drop-reasons";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { Button } from "@/ui/button.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { CodeText } from "@/ui/code-text.tsx";
import { Icon } from "@/ui/icon.tsx";
import { spanText } from "@/ui/instant.ts";
import { useNow } from "@/view/clock.tsx";
import { useRefusal } from "@/view/session.ts";
import { newTraceHref } from "@/view/trace-link.ts";
import { useHref, useView } from "@/view/url-state.ts";
import { type DropReason, worstEndpoints } from "./drop-tree.ts";

export function DropReasonPanel({ node }: { node: DropReason }) {
  const { title, explanation, nextStep } = dropReason(node.reason);
  const { range } = useView();
  const now = useNow(5000);
  const fresh = node.firstSeen > range.from + (range.to - range.from) / 10;
  return (
    <aside
      aria-label={`About ${node.reason}`}
      className="flex w-96 shrink-0 flex-col gap-4 border-l border-line px-4 py-3 max-lg:w-full max-lg:border-t max-lg:border-l-0"
    >
      <div>
        <h2 className="text-base">{title}</h2>
        <p className="figure text-xs text-text-3">{node.reason}</p>
      </div>
      {fresh && (
        <p className="text-xs text-warn">
          ◆ New: first seen {spanText(Math.max(0, now - node.firstSeen))} ago, not before in the time shown.
        </p>
      )}
      <p>
        <CodeText text={explanation} />
      </p>
      <div>
        <h3 className="text-xs text-text-3">Next step</h3>
        <p>
          <CodeText text={nextStep} />
        </p>
      </div>
      <PanelActions node={node} />
    </aside>
  );
}

function PanelActions({ node }: { node: DropReason }) {
  const router = useRouter();
  const link = useHref();
  const refusal = useRefusal("traces.start");
  const [worst] = worstEndpoints(node.places, 1);
  const filter = worst
    ? { ipA: worst.src, ipB: worst.dst, portB: worst.dstPort || null, proto: worst.proto }
    : {};
  return (
    <div className="flex flex-col items-start gap-2">
      <Button
        variant="primary"
        refusal={refusal}
        onClick={() => router.push(newTraceHref({ kind: "drops", hosts: node.hosts, filter }))}
      >
        <Icon name="traces" />
        Trace these drops
      </Button>
      <p className="text-xs text-text-3">
        Shows each packet with its kernel stack
        {worst ? ", of the pair that is hit most" : ""}.
      </p>
      <Link href={link("/flows", { q: `reason=${node.reason}` })} className={buttonLook()}>
        Flows with this reason
      </Link>
    </div>
  );
}
