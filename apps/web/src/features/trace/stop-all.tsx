"use client";
/** The switch for everything: takes every trace off every host. Asks once, and says how many. */
import type { TraceSessionView } from "@millrace/contract/trace";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { Confirm } from "@/ui/confirm.tsx";
import { Icon } from "@/ui/icon.tsx";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";
import { useRefusal } from "@/view/session.ts";

export function StopAll({ running }: { running: readonly TraceSessionView[] }) {
  const [open, setOpen] = useState(false);
  const trpc = useTRPC();
  const client = useQueryClient();
  const role = useRefusal("traces.stopAll");
  const refusal = role ?? (running.length === 0 ? "No trace is running" : null);
  const hosts = new Set(running.flatMap((session) => session.spec.hosts)).size;
  const stop = useMutation(
    trpc.traces.stopAll.mutationOptions({
      onSuccess: ({ stopped }) => {
        setOpen(false);
        showToast({ tone: "done", text: `${stopped} ${stopped === 1 ? "trace" : "traces"} told to stop` });
        void client.invalidateQueries(trpc.traces.pathFilter());
      },
      onError: (error) =>
        showToast({ tone: "failed", text: "Traces could not be stopped", detail: problemOf(error).title }),
    }),
  );
  return (
    <>
      <Button refusal={refusal} onClick={() => setOpen(true)}>
        <Icon name="stopAll" />
        Stop all traces
      </Button>
      <Confirm
        open={open}
        onOpenChange={setOpen}
        title="Stop all traces?"
        action={`Stop ${running.length} ${running.length === 1 ? "trace" : "traces"} on ${hosts} ${hosts === 1 ? "host" : "hosts"}`}
        busy={stop.isPending}
        onConfirm={() => stop.mutate()}
      >
        Everybody's traces end now, not only yours, and their programs leave the kernels. What they have seen
        is kept. It is written to the audit.
      </Confirm>
    </>
  );
}
