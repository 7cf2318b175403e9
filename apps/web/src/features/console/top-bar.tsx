"use client";
import dynamic from "next/dynamic";
import { useState } from "react";
import { Button } from "@/ui/button.tsx";
import { useHotkeys } from "@/ui/hotkeys.ts";
/** Filter, time, completeness and the few things needed everywhere. */
import { Icon } from "@/ui/icon.tsx";
import { Popover } from "@/ui/popover.tsx";
import { CompletenessChip } from "./completeness-chip.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { NavLinks } from "./nav.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { TimeControl } from "./time-control.tsx";
import { UserMenu } from "./user-menu.tsx";

const Palette = dynamic(() => import("./palette.tsx").then((m) => m.Palette), { ssr: false });
const HelpDialog = dynamic(() => import("./help-dialog.tsx").then((m) => m.HelpDialog), { ssr: false });

export function TopBar() {
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  useHotkeys([
    { key: "k", mod: true, run: () => setOpen("palette") },
    { key: "?", run: () => setOpen("help") },
  ]);
  return (
    <header className="flex flex-wrap items-center gap-2 border-b border-line bg-surface-1 px-4 py-1.5 max-sm:px-2">
      <div className="sm:hidden">
        <NavMenu />
      </div>
      <div className="flex min-w-0 grow basis-60 max-sm:order-last max-sm:basis-full">
        <FilterBar />
      </div>
      <div className="ml-auto flex items-center gap-1">
        <TimeControl />
        <CompletenessChip />
        <span className="max-sm:hidden">
          <Button
            variant="quiet"
            aria-label="Go to…"
            title="Go to… (Ctrl K)"
            onClick={() => setOpen("palette")}
            className="px-2"
          >
            <Icon name="palette" />
            <span className="figure text-xs">K</span>
          </Button>
        </span>
        <ThemeToggle />
        <UserMenu />
      </div>
      {open === "palette" && <Palette open onOpenChange={() => setOpen(null)} />}
      {open === "help" && <HelpDialog open onOpenChange={() => setOpen(null)} />}
    </header>
  );
}

function NavMenu() {
  const [open, setOpen] = useState(false);
  return (
    <Popover
      label="Pages"
      align="start"
      open={open}
      onOpenChange={setOpen}
      button={{
        size: "icon",
        variant: "quiet",
        "aria-label": "Pages",
        children: <Icon name="menu" size={16} />,
      }}
    >
      <nav aria-label="Pages">
        <NavLinks wide onGo={() => setOpen(false)} />
      </nav>
    </Popover>
  );
}
