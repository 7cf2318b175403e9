"use client";
import dynamic from "next/dynamic";
import { useState } from "react";
import { Button } from "@/ui/button.tsx";
import { classNames } from "@/ui/class-names.ts";
import { useHotkeys } from "@/ui/hotkeys.ts";
/** The one time control: live, the last so much, or from–to. It also says which zone the page speaks. */
import { Icon } from "@/ui/icon.tsx";
import { spanOfText, zoneText } from "@/ui/instant.ts";
import { Popover } from "@/ui/popover.tsx";
import { useUtc } from "@/ui/time-text.tsx";
import { usePaused } from "@/view/clock.tsx";
import { PRESETS, type TimeChoice } from "@/view/time-range.ts";
import { useView } from "@/view/url-state.ts";

const TimeChoices = dynamic(() => import("./time-choices.tsx").then((m) => m.TimeChoices), { ssr: false });

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
        button={{
          className: "figure text-xs",
          title: `Times are in ${zoneText(Date.now(), utc)}`,
          children: (
            <>
              {choice.kind === "live" ? <LiveDot /> : <Icon name="clock" />}
              {titleOf(choice, utc)}
              <span aria-hidden>▾</span>
            </>
          ),
        }}
      >
        <TimeChoices choice={choice} onChoose={choose} />
      </Popover>
      {choice.kind !== "fixed" && <PauseButton live={choice.kind === "live"} />}
    </div>
  );
}

function titleOf(choice: TimeChoice, utc: boolean): string {
  if (choice.kind === "live") return "Live 5m";
  if (choice.kind === "fixed") return spanOfText(choice.from, choice.to, Date.now(), utc);
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
      {paused ? <Icon name="play" /> : <Icon name="pause" />}
    </Button>
  );
}
