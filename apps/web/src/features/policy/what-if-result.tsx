"use client";
/** What a what-if came to: the sum in a sentence, the flows that would change put together, and what couldn't be judged. */
import type { End } from "@millrace/contract/flow";
import { count, text } from "@millrace/contract/units";
import { protocolName } from "@millrace/contract/verdict";
import type { WhatIfChange, WhatIfVerdict } from "@millrace/contract/what-if";
import Link from "next/link";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { endName, hasPorts } from "@/view/end-name.ts";
import { useHref } from "@/view/url-state.ts";
import { VerdictMark } from "@/view/verdict-mark.tsx";
import { notJudgedSentences, saidBy, type WhatIfAnswer, whatIfSentence } from "./what-if-words.ts";

export function WhatIfResult({ answer, askedMs }: { answer: WhatIfAnswer; askedMs: number }) {
  return (
    <Section title="What if">
      <p role="status" className="py-2">
        {whatIfSentence(answer, askedMs)}
      </p>
      {answer.changes.length > 0 && <Changes changes={answer.changes} />}
      <div className="flex flex-col gap-1 py-2 text-xs text-text-2">
        {answer.more > 0 && <p>{text(count(answer.more))} more of such lines are not listed.</p>}
        {notJudgedSentences(answer.notJudged).map((sentence) => (
          <p key={sentence}>▲ {sentence}</p>
        ))}
        {answer.leftOut.length > 0 && (
          <p>▲ Left out of account, since only policies are tried: {answer.leftOut.join(", ")}.</p>
        )}
        <p className="text-text-3">
          Both ends are judged by the labels they have now; flows without a pod that Millrace carries are not
          among them.
        </p>
      </div>
    </Section>
  );
}

function Changes({ changes }: { changes: readonly WhatIfChange[] }) {
  return (
    <PlainTable
      label="Flows that would change"
      rows={changes}
      rowKey={({ example }) => example}
      empty=""
      columns={[
        { title: "Flows", align: "right", cell: ({ flows }) => <Quantity value={count(flows)} /> },
        { title: "Source → destination", cell: (change) => <Pair change={change} /> },
        { title: "Now", cell: ({ before }) => <Verdict of={before} /> },
        { title: "Then", cell: ({ after }) => <Verdict of={after} /> },
      ]}
    />
  );
}

const nameOf = (end: End, proto: number): string =>
  end.port > 0 && hasPorts(proto) ? `${endName(end)}:${end.port}` : endName(end);

function Pair({ change: { example, src, dst, proto } }: { change: WhatIfChange }) {
  const link = useHref();
  return (
    <>
      <Link
        href={link("/flows", { t: "1h", q: `flow=${example}`, flow: example, open: "true" })}
        title="The newest of them"
        className="figure text-accent hover:underline"
      >
        {endName(src)} → {nameOf(dst, proto)}
      </Link>{" "}
      <span className="text-text-3">{protocolName(proto)}</span>
    </>
  );
}

function Verdict({ of }: { of: WhatIfVerdict }) {
  return (
    <>
      <VerdictMark verdict={of.verdict} />
      <span className="block text-text-3">{saidBy(of)}</span>
    </>
  );
}
