"use client";
/** The one time control: live, the last so much, or from–to. It also says which zone the page speaks. */
import { Clock, Pause, Play } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "@/ui/button.tsx";
import { classNames } from "@/ui/class-names.ts";
import { TextField } from "@/ui/field.tsx";
import { useHotkeys } from "@/ui/hotkeys.ts";
import { dayText, zoneText } from "@/ui/instant.ts";
import { Popover } from "@/ui/popover.tsx";
import { useUtc } from "@/ui/time-text.tsx";
import { usePaused } from "@/view/clock.tsx";
import { LIVE, PRESETS, sameChoice, type TimeChoice } from "@/view/time-range.ts";
import { useView } from "@/view/url-state.ts";

export function TimeControl() {
  const { choice, setChoice } = useView();
  const [open, setOpen] = useState(false);
  const utc = useUtc();
  const choose = (next: TimeChoice) => {
    setChoice(next);
    setOpen(false);
  };
  return (
    <div className="flex shrink-0 items-center gap-1">
      <Popover
        label="Time shown"
        open={open}
        onOpenChange={setOpen}
        className="w-72"
        trigger={
          <Button className="figure text-xs">
            {choice.kind === "live" ? <LiveDot /> : <Clock size={14} aria-hidden />}
            {titleOf(choice, utc)}
            <span aria-hidden>▾</span>
          </Button>
        }
      >
        <div className="grid grid-cols-2 gap-1">
          <Choice title="Live" active={choice.kind === "live"} onChoose={() => choose(LIVE)} />
          {PRESETS.map((preset) => {
            const one = { kind: "last", ms: preset.ms } as const;
            const active = sameChoice(choice, one);
            return (
              <Choice key={preset.text} title={preset.title} active={active} onChoose={() => choose(one)} />
            );
          })}
        </div>
        <FromTo onChoose={choose} />
      </Popover>
      {choice.kind !== "fixed" && <PauseButton live={choice.kind === "live"} />}
    </div>
  );
}

function titleOf(choice: TimeChoice, utc: boolean): string {
  if (choice.kind === "live") return "Live 5m";
  if (choice.kind === "fixed") return `${dayText(choice.from, utc)} – ${dayText(choice.to, utc)}`;
  return PRESETS.find((p) => p.ms === choice.ms)?.title ?? "";
}

function LiveDot() {
  const [paused] = usePaused();
  return (
    <span
      aria-hidden
      className={classNames("size-2 rounded-full", paused ? "border border-text-3" : "animate-pulse bg-ok")}
    />
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
    const from = Date.parse(String(form.get("from")));
    const to = Date.parse(String(form.get("to")));
    if (!(from < to)) return setProblem("“From” must be before “to”");
    onChoose({ kind: "fixed", from, to });
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

function PauseButton({ live }: { live: boolean }) {
  const [paused, setPaused] = usePaused();
  const toggle = () => setPaused(!paused);
  useHotkeys([{ key: " ", run: toggle }]);
  const label = paused ? "Go on" : live ? "Pause the live view" : "Hold the time still";
  return (
    <Button
      size="icon"
      variant={paused ? "primary" : "quiet"}
      aria-label={label}
      title={`${label} (space)`}
      aria-pressed={paused}
      onClick={toggle}
    >
      {paused ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
    </Button>
  );
}
