"use client";
/** The keys and the filter language on one page. */
import { Dialog } from "@/ui/dialog.tsx";
import { Kbd } from "@/ui/kbd.tsx";

const KEYS: readonly [string[], string][] = [
  [["Ctrl", "K"], "Go to a page, host, service, policy or trace (⌘K on a Mac)"],
  [["/"], "Write a filter"],
  [["j"], "Next row"],
  [["k"], "Row before"],
  [["Enter"], "Open the row"],
  [["Esc"], "Close what is open"],
  [["t"], "Trace the flow that is selected"],
  [["Space"], "Pause, and go on"],
  [["?"], "This page"],
];
const FILTERS: readonly [string, string][] = [
  ["service=checkout", "either end is the service"],
  ["src.pod=web-1 dst.port=443", "both must hold"],
  ["verdict=dropped,unknown", "either value"],
  ["-reason=NO_SOCKET", "all but this one"],
  ["rtt>5ms bytes>=1MB", "compared in their units"],
  ["ip=10.1.0.0/16 pod~check", "a network; a part of a name"],
  ["payments", "any name or address that contains it"],
];

export function HelpDialog(props: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog {...props} title="Keys and filters" className="w-[min(760px,calc(100vw-24px))]">
      <div className="grid gap-6 sm:grid-cols-2">
        <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-1.5">
          {KEYS.map(([keys, what]) => (
            <div key={what} className="contents">
              <dt className="flex gap-1">
                {keys.map((key) => (
                  <Kbd key={key}>{key}</Kbd>
                ))}
              </dt>
              <dd className="text-text-2">{what}</dd>
            </div>
          ))}
        </dl>
        <dl className="flex flex-col gap-1.5">
          {FILTERS.map(([example, what]) => (
            <div key={example}>
              <dt className="figure text-xs">{example}</dt>
              <dd className="text-xs text-text-3">{what}</dd>
            </div>
          ))}
        </dl>
      </div>
    </Dialog>
  );
}
