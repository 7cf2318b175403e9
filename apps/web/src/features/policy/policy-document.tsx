"use client";
/** A policy as it was written, as YAML. Loaded when the page stands: it brings the library. */
import type { WholePolicyView } from "@millrace/contract/declared";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/trpc/client.tsx";
import { CopyButton } from "@/ui/copy-button.tsx";
import { ScrollBox } from "@/ui/scroll-box.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Answer } from "@/view/answer.tsx";
import { documentText } from "./draft-text.ts";

/** As often as the page about it. */
const REFRESH_MS = 10_000;

export function PolicyDocument({ view: { kind, namespace, name } }: { view: WholePolicyView }) {
  const trpc = useTRPC();
  const query = useQuery(
    trpc.documents.get.queryOptions({ kind, namespace, name }, { refetchInterval: REFRESH_MS }),
  );
  const yaml = query.data && documentText(query.data.document);
  return (
    <Section title="Document" actions={yaml && <CopyButton label="Copy" text={() => yaml} />}>
      <Answer query={query} skeleton={<SkeletonRows rows={8} label="Loading the document" />}>
        {() => (
          <ScrollBox label="Document">
            <pre className="figure py-2 text-xs leading-5">{yaml}</pre>
          </ScrollBox>
        )}
      </Answer>
    </Section>
  );
}
