"use client";
/** Which hosts a trace goes to. Silent ones can be chosen too: the preview says that they can't take part. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Button } from "@/ui/button.tsx";
import { CheckField, inputLook } from "@/ui/field.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { Answer } from "@/view/answer.tsx";
import { StateMark } from "@/view/state-mark.tsx";

const MOST_SHOWN = 200;

type HostPickerProps = {
  chosen: readonly string[];
  problem: string | undefined;
  onChange: (hosts: string[]) => void;
};

export function HostPicker({ chosen, problem, onChange }: HostPickerProps) {
  const trpc = useTRPC();
  const [find, setFind] = useState("");
  const query = useQuery(trpc.hosts.list.queryOptions());
  const toggle = (name: string, on: boolean) =>
    onChange(on ? [...chosen, name] : chosen.filter((other) => other !== name));
  return (
    <Answer query={query} skeleton={<SkeletonRows rows={3} label="Loading hosts" />}>
      {({ hosts }) => {
        const found = hosts.filter((host) => host.name.toLowerCase().includes(find.toLowerCase()));
        const unknown = chosen.filter((name) => !hosts.some((host) => host.name === name));
        return (
          <div className="flex flex-col gap-2 pt-3">
            <div className="flex flex-wrap items-center gap-2">
              {hosts.length > 8 && (
                <input
                  aria-label="Find hosts"
                  placeholder="Find hosts"
                  className={`${inputLook} w-48!`}
                  value={find}
                  onChange={(event) => setFind(event.target.value)}
                />
              )}
              <Button
                size="sm"
                variant="quiet"
                onClick={() => onChange([...new Set([...chosen, ...found.map((h) => h.name)])])}
              >
                All {find ? "found" : ""} ({found.length})
              </Button>
              <Button size="sm" variant="quiet" onClick={() => onChange([])}>
                None
              </Button>
              <span className="text-xs text-text-2">{chosen.length} chosen</span>
            </div>
            <div className="grid max-h-56 grid-cols-[repeat(auto-fill,minmax(190px,1fr))] gap-x-4 overflow-auto">
              {found.slice(0, MOST_SHOWN).map((host) => (
                <CheckField
                  key={host.name}
                  checked={chosen.includes(host.name)}
                  onChange={(on) => toggle(host.name, on)}
                  label={
                    <span className="flex min-w-0 items-center gap-2">
                      <span className="figure truncate">{host.name}</span>
                      {host.state !== "ok" && <StateMark state={host.state} />}
                    </span>
                  }
                />
              ))}
            </div>
            {found.length > MOST_SHOWN && (
              <p className="text-xs text-text-3">
                {found.length - MOST_SHOWN} more: type a part of the name.
              </p>
            )}
            {unknown.length > 0 && (
              <p className="text-xs text-warn">Not in the fleet: {unknown.join(", ")}</p>
            )}
            {problem && <p className="text-xs text-dropped">{problem}</p>}
          </div>
        );
      }}
    </Answer>
  );
}
