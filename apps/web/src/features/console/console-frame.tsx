"use client";
/** The frame around every page: where one can go, what time and which flows are looked at. */
import type { ReactNode } from "react";
import { ClockProvider } from "@/view/clock.tsx";
import { NavLinks, Wordmark } from "./nav.tsx";
import { TopBar } from "./top-bar.tsx";

export function ConsoleFrame({ serverNow, children }: { serverNow: number; children: ReactNode }) {
  return (
    <ClockProvider serverNow={serverNow}>
      <a
        href="#main"
        className="fixed top-1 left-1 z-50 -translate-y-12 rounded-md bg-accent px-3 py-1.5 text-on-accent focus:translate-y-0"
      >
        Skip to the page
      </a>
      <div className="flex h-dvh">
        <nav
          aria-label="Pages"
          className="flex w-44 shrink-0 flex-col gap-3 border-r border-line bg-surface-1 p-2 max-rail:w-14 max-sm:hidden"
        >
          <Wordmark />
          <NavLinks />
        </nav>
        <div className="flex min-w-0 grow flex-col">
          <TopBar />
          <main id="main" tabIndex={-1} className="min-h-0 grow overflow-auto outline-none">
            {children}
          </main>
        </div>
      </div>
    </ClockProvider>
  );
}
