"use client";
/** What the time control offers: live, the usual spans, or two instants typed by hand in the reader's zone. */
import { type FormEvent, useState } from "react";
import { Button } from "@/ui/button.tsx";
import { classNames } from "@/ui/class-names.ts";
import { TextField } from "@/ui/field.tsx";
import { zoneText } from "@/ui/instant.ts";
import { fixedProblem, LIVE, PRESETS, sameChoice, type TimeChoice } from "@/view/time-range.ts";
import { useView } from "@/view/url-state.ts";

type TimeChoicesProps = { choice: TimeChoice; onChoose: (choice: TimeChoice) => void };

export function TimeChoices({ choice, onChoose }: TimeChoicesProps) {
  return (
    <>
      <div className="grid grid-cols-2 gap-1">
        <Choice title="Live" active={choice.kind === "live"} onChoose={() => onChoose(LIVE)} />
        {PRESETS.map((preset) => {
          const one = { kind: "last", ms: preset.ms } as const;
          return (
            <Choice
              key={preset.text}
              title={preset.title}
              active={sameChoice(choice, one)}
              onChoose={() => onChoose(one)}
            />
          );
        })}
      </div>
      <FromTo onChoose={onChoose} />
    </>
  );
}

function Choice(props: { title: string; active: boolean; onChoose: () => void }) {
  return (
    <button
      type="button"
      aria-pressed={props.active}
      onClick={props.onChoose}
      className={classNames(
        "h-7 rounded px-2 text-left text-xs",
        props.active ? "bg-accent-soft" : "hover:bg-surface-2",
      )}
    >
      {props.title}
    </button>
  );
}

/** `datetime-local` speaks the reader's zone without naming it; the hint does. */
const localText = (at: number): string => {
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
};

function FromTo({ onChoose }: { onChoose: (choice: TimeChoice) => void }) {
  const { range } = useView();
  const [problem, setProblem] = useState<string | null>(null);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    // Without a zone in the text, it is the reader's.
    const from = Date.parse(String(form.get("from")));
    const to = Date.parse(String(form.get("to")));
    const wrong = fixedProblem(from, to);
    if (wrong) setProblem(wrong);
    else onChoose({ kind: "fixed", from, to });
  };
  return (
    <form onSubmit={onSubmit} className="mt-3 grid gap-2 border-t border-line pt-3">
      <TextField
        label="From"
        name="from"
        type="datetime-local"
        step={1}
        defaultValue={localText(range.from)}
        figure
      />
      <TextField
        label="To"
        name="to"
        type="datetime-local"
        step={1}
        defaultValue={localText(range.to)}
        figure
        problem={problem}
        hint={`Your zone: ${zoneText(range.to)}`}
      />
      <Button type="submit" variant="primary">
        Show this time
      </Button>
    </form>
  );
}
