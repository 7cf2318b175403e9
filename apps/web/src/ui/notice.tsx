/**
 * What stands where data should: nothing found, failed, out of date. Each says what is missing, since when
 * and what to do; the words are the caller's.
 */
import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";

type NoticeProps = {
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
  tone?: "plain" | "bad";
  className?: string;
};

export function Notice({ title, children, actions, tone = "plain", className }: NoticeProps) {
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className={classNames("mx-auto flex max-w-xl flex-col items-start gap-2 px-4 py-10", className)}
    >
      <p className="flex items-baseline gap-2 text-base">
        {tone === "bad" && (
          <span aria-hidden className="text-bad">
            ✕
          </span>
        )}
        <span>{title}</span>
      </p>
      {children && <div className="text-text-2">{children}</div>}
      {actions && <div className="mt-1 flex flex-wrap gap-2">{actions}</div>}
    </div>
  );
}

/** A line above data that is shown though it isn't current. */
export function StaleLine({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div
      role="status"
      className="flex min-h-7 items-center gap-2 border-b border-line bg-surface-1 px-3 py-1 text-xs text-warn"
    >
      <span aria-hidden>◔</span>
      <span className="grow">{children}</span>
      {action}
    </div>
  );
}
