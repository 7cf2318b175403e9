"use client";
/**
 * A draft and what was asked about it: whether it is right, what it would change, and that it be applied. An answer holds
 * for the text that it was asked of, and is gone with the next letter.
 */
import type { ChangedDocument } from "@millrace/contract/document";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC, useTRPCClient } from "@/trpc/client.tsx";
import { type LineProblem, readDraft } from "./draft-text.ts";
import { WHAT_IF_MS, type WhatIfAnswer } from "./what-if-words.ts";

export type DraftAnswer =
  | { kind: "problems"; problems: LineProblem[] }
  | { kind: "checked"; documents: ChangedDocument[] }
  | { kind: "what-if"; answer: WhatIfAnswer }
  | { kind: "applied"; documents: ChangedDocument[] };
type Question = "check" | "whatIf" | "apply";

export function useDraft(first: string, onApplied: (documents: ChangedDocument[]) => void) {
  const [text, setText] = useState(first);
  const client = useTRPCClient();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const ask = useMutation({
    mutationFn: async (question: Question): Promise<DraftAnswer> => {
      const draft = readDraft(text);
      if (draft.problems.length > 0) return { kind: "problems", problems: draft.problems };
      const { documents } = draft;
      if (question === "whatIf") {
        const to = Date.now();
        const range = { from: to - WHAT_IF_MS, to };
        const answer = await client.policies.whatIf.query({ documents, remove: [], range });
        return answer.ok
          ? { kind: "what-if", answer }
          : { kind: "problems", problems: draft.placed(answer.problems) };
      }
      const answer =
        question === "check"
          ? await client.documents.check.query({ documents })
          : await client.documents.applyAll.mutate({ documents });
      if (!answer.ok) return { kind: "problems", problems: draft.placed(answer.problems) };
      return { kind: question === "check" ? "checked" : "applied", documents: answer.documents };
    },
    onSuccess: (answer) => {
      if (answer.kind !== "applied") return;
      for (const filter of [
        trpc.policies.pathFilter(),
        trpc.documents.pathFilter(),
        trpc.services.pathFilter(),
      ])
        void queries.invalidateQueries(filter);
      onApplied(answer.documents);
    },
  });
  return {
    text,
    change: (next: string) => {
      setText(next);
      ask.reset();
    },
    ask: (question: Question) => ask.mutate(question),
    asking: ask.isPending ? ask.variables : null,
    answer: ask.data ?? null,
    error: ask.error,
  };
}
export type DraftState = ReturnType<typeof useDraft>;
