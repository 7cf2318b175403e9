"use client";
/** How long flows are kept, by age and by bytes, and how much is used. */
import type { Retention, RetentionView } from "@millrace/contract/setting";
import { bytes, count, parseBytes, percent, text } from "@millrace/contract/units";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Confirm } from "@/ui/confirm.tsx";
import { TextField } from "@/ui/field.tsx";
import { Meter } from "@/ui/meter.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { showToast } from "@/ui/toast.tsx";
import { Answer } from "@/view/answer.tsx";
import { problemOf } from "@/view/problem.ts";
import { useRefusal } from "@/view/session.ts";
import { losesData, readRetention } from "./retention-form.ts";

export function RetentionPanel() {
  const trpc = useTRPC();
  const query = useQuery(trpc.retention.get.queryOptions());
  return (
    <Answer query={query} skeleton={<SkeletonRows rows={6} label="Loading retention" />}>
      {(view) => (
        <div className="flex flex-col gap-8">
          <Used view={view} />
          <RetentionForm view={view} />
        </div>
      )}
    </Answer>
  );
}

function Used({ view }: { view: RetentionView }) {
  const most = view.capped?.rawBytes ?? view.settings.rawBytes;
  const share = view.usedBytes / most;
  return (
    <Section title="Used">
      <div className="flex flex-col gap-2 py-3">
        <Meter share={share} label="Space used by flows" warnAt={0.9} badAt={1} className="h-2" />
        <p>
          <span className="figure">{text(bytes(view.usedBytes))}</span> of{" "}
          <span className="figure">{text(bytes(most))}</span> ({text(percent(share))}), in{" "}
          <span className="figure">{view.partitions}</span> partitions; the oldest flow is of{" "}
          <TimeText at={view.oldestMs} as="day" />.
        </p>
        {view.capped && (
          <p className="text-text-2">
            {text(bytes(view.capped.rawBytes))} instead of {text(bytes(view.settings.rawBytes))}:{" "}
            {view.capped.why}.
          </p>
        )}
        {view.lateRows > 0 && (
          <p className="text-warn">
            ▲ {text(count(view.lateRows))} updates came too late: their partition had been dropped already.
          </p>
        )}
      </div>
    </Section>
  );
}

function RetentionForm({ view }: { view: RetentionView }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const role = useRefusal("retention.set");
  const [problem, setProblem] = useState<string | null>(null);
  const [asking, setAsking] = useState<Retention | null>(null);
  const save = useMutation(
    trpc.retention.set.mutationOptions({
      onSuccess: (next) => {
        setAsking(null);
        client.setQueryData(trpc.retention.get.queryKey(), next);
        showToast({ tone: "done", text: "Retention changed" });
      },
      onError: (error) => showToast({ tone: "failed", text: "Not changed", detail: problemOf(error).title }),
    }),
  );
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const read = readRetention({
      rawDays: String(form.get("rawDays")),
      rawBytes: String(form.get("rawBytes")),
      rollupDays: String(form.get("rollupDays")),
    });
    setProblem(read.ok ? null : read.problem);
    if (!read.ok) return;
    if (losesData(view, read.settings)) setAsking(read.settings);
    else save.mutate(read.settings);
  };
  const { settings } = view;
  return (
    <Section title="Kept" note="whichever limit is reached first; whole partitions are dropped">
      <form onSubmit={onSubmit} className="flex flex-wrap items-start gap-3 py-3">
        <TextField label="Flows, days" name="rawDays" type="number" defaultValue={settings.rawDays} figure />
        <TextField
          label="Flows, size"
          name="rawBytes"
          defaultValue={text(bytes(settings.rawBytes)).replace(" ", "")}
          hint={`for example ${text(bytes(parseBytes("20GB") ?? 0))}`}
          figure
        />
        <TextField
          label="Rollups, days"
          name="rollupDays"
          type="number"
          defaultValue={settings.rollupDays}
          figure
        />
        <Button type="submit" variant="primary" refusal={role} busy={save.isPending} className="mt-5">
          Change
        </Button>
      </form>
      {problem && <p className="text-xs text-dropped">{problem}</p>}
      <Confirm
        open={asking !== null}
        onOpenChange={() => setAsking(null)}
        title="Keep less?"
        action="Drop what is beyond it"
        busy={save.isPending}
        onConfirm={() => asking && save.mutate(asking)}
      >
        Data that is kept now lies beyond the new limits. It is dropped within minutes and can't be brought
        back.
      </Confirm>
    </Section>
  );
}
