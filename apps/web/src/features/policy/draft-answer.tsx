"use client";
/** What was answered about a draft: its problems by line, what an apply would do, what it would change, or why not. */
import type { ChangedDocument } from "@millrace/contract/document";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Failed } from "@/view/answer.tsx";
import type { LineProblem } from "./draft-text.ts";
import type { DraftState } from "./use-draft.ts";
import { WhatIfResult } from "./what-if-result.tsx";
import { WHAT_IF_MS } from "./what-if-words.ts";

type DraftAnswerProps = {
  draft: DraftState;
  onLine: (line: number) => void;
  /** null: nothing stood there before. */
  onReload: (() => void) | null;
};

export function DraftAnswerView({ draft: { answer, asking, error }, onLine, onReload }: DraftAnswerProps) {
  if (asking !== null) return <SkeletonRows rows={8} label="Asking" />;
  if (isConflict(error)) return <Conflict message={(error as Error).message} onReload={onReload} />;
  if (error) return <Failed error={error} />;
  if (!answer) return <Explanation />;
  switch (answer.kind) {
    case "problems":
      return (
        <div role="alert" className="min-w-0">
          <Problems problems={answer.problems} onLine={onLine} />
        </div>
      );
    case "what-if":
      return <WhatIfResult answer={answer.answer} askedMs={WHAT_IF_MS} />;
    case "checked":
      return (
        <div role="status" className="min-w-0">
          <Documents title="It is right" documents={answer.documents} />
        </div>
      );
    case "applied":
      return <Documents title="Applied" documents={answer.documents} />;
  }
}

const isConflict = (error: unknown): boolean =>
  (error as { data?: { app?: string } | null } | null)?.data?.app === "CONFLICT";

function Conflict({ message, onReload }: { message: string; onReload: DraftAnswerProps["onReload"] }) {
  return (
    <Notice
      tone="bad"
      title="Not applied: somebody changed it meanwhile."
      actions={onReload && <Button onClick={onReload}>Throw the draft away and load what stands now</Button>}
    >
      {message}. Copy what you want to keep first.
    </Notice>
  );
}

function Explanation() {
  return (
    <Section title="Before it is applied">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-2 py-3 text-text-2">
        <dt className="text-text-1">Check</dt>
        <dd>says what is wrong, at its line, or what an apply would create and change.</dd>
        <dt className="text-text-1">What if</dt>
        <dd>
          judges the flows of the last hour by the policies as they are and as they would be, and says which
          would meet another verdict.
        </dd>
        <dt className="text-text-1">Apply</dt>
        <dd>
          writes all documents or none. Hosts follow within a second, and every flow is judged anew with its
          next packet.
        </dd>
      </dl>
    </Section>
  );
}

function Problems({
  problems,
  onLine,
}: {
  problems: readonly LineProblem[];
  onLine: (line: number) => void;
}) {
  return (
    <Section title="Problems" note={String(problems.length)}>
      <ul className="flex flex-col">
        {problems.map(({ line, field, message }) => (
          <li key={`${line} ${field} ${message}`} className="flex gap-3 border-b border-line py-1.5 text-xs">
            <button
              type="button"
              className="figure min-h-6 shrink-0 text-accent hover:underline"
              onClick={() => onLine(line)}
            >
              line {line}
            </button>
            <span className="min-w-0 self-center break-words">
              {field && <span className="figure">{field} </span>}
              <span className="text-dropped">{message}</span>
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Documents({ title, documents }: { title: string; documents: readonly ChangedDocument[] }) {
  const would = title === "Applied" ? "" : "would be ";
  return (
    <Section title={title}>
      <ul className="flex flex-col">
        {documents.map(({ kind, namespace, name, what }) => (
          <li key={`${kind} ${namespace}/${name}`} className="flex gap-3 border-b border-line py-2 text-xs">
            <span aria-hidden className="text-ok">
              ✓
            </span>
            <span className="figure">
              {kind} {namespace && `${namespace}/`}
              {name}
            </span>
            <span className="ml-auto text-text-2">
              {what === "unchanged" ? "stands so already" : `${would}${what}`}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
