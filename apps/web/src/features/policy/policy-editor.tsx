"use client";
/** A draft: written, checked, tried on recorded flows, applied. Loaded by the editor's page, with the YAML library. */
import type { ChangedDocument } from "@millrace/contract/document";
import { useRouter } from "next/navigation";
import { useRef } from "react";
import { useTRPCClient } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { showToast } from "@/ui/toast.tsx";
import { useRefusal } from "@/view/session.ts";
import { DraftAnswerView } from "./draft-answer.tsx";
import { documentText, FIRST_DRAFT } from "./draft-text.ts";
import { type DraftState, useDraft } from "./use-draft.ts";
import { goToLine, YamlArea } from "./yaml-area.tsx";

export type PolicyEditorProps = {
  /** What is edited, as it stands; null: something new. */
  document: Record<string, unknown> | null;
  /** Throws the draft away and begins with what stands now. */
  onReload: () => void;
};

export function PolicyEditor({ document, onReload }: PolicyEditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const onApplied = useApplied();
  const draft = useDraft(document ? documentText(document) : FIRST_DRAFT, onApplied);
  const problems = draft.answer?.kind === "problems" ? draft.answer.problems : [];
  return (
    <div className="grid gap-x-8 gap-y-4 px-4 pb-8 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <div className="flex min-w-0 flex-col gap-3">
        <YamlArea
          ref={area}
          label="Documents (YAML or JSON; several with --- between them)"
          value={draft.text}
          marked={new Set(problems.map(({ line }) => line))}
          onChange={draft.change}
        />
        <Questions draft={draft} />
      </div>
      <DraftAnswerView
        draft={draft}
        onLine={(line) => goToLine(area.current, line)}
        onReload={document ? onReload : null}
      />
    </div>
  );
}

function Questions({ draft: { ask, asking } }: { draft: DraftState }) {
  const role = useRefusal("documents.applyAll");
  const waits = asking === null ? null : "Something is being asked about it";
  return (
    <div className="flex flex-wrap gap-2">
      <Button
        busy={asking === "check"}
        refusal={asking === "check" ? null : waits}
        onClick={() => ask("check")}
      >
        Check
      </Button>
      <Button
        busy={asking === "whatIf"}
        refusal={asking === "whatIf" ? null : waits}
        title="Judges the flows of the last hour by the policies as they are, and as they would be"
        onClick={() => ask("whatIf")}
      >
        What if
      </Button>
      <Button
        variant="primary"
        busy={asking === "apply"}
        refusal={role ?? (asking === "apply" ? null : waits)}
        onClick={() => ask("apply")}
      >
        Apply
      </Button>
    </div>
  );
}

/** To the policy that was written, where it is one; else to all. */
function useApplied(): (documents: ChangedDocument[]) => void {
  const client = useTRPCClient();
  const router = useRouter();
  return async (documents) => {
    const changed = documents.filter(({ what }) => what !== "unchanged").length;
    showToast({
      tone: "done",
      text: changed === 0 ? "Nothing was changed: it stands so already" : `Applied: ${changed} changed`,
    });
    const [only] = documents;
    const { number = null } =
      only && documents.length === 1
        ? await client.documents.get.query(only).catch(() => ({ number: null }))
        : {};
    router.push(number === null ? "/policies" : `/policies/${number}`);
  };
}
