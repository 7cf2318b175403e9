/** A page's title, the one line that sums it up, and what can be done. */
import type { ReactNode } from "react";

export function PageHead(props: { title: ReactNode; summary?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="flex min-h-11 shrink-0 flex-wrap items-center gap-x-4 gap-y-1 px-4 pt-2 pb-1">
      <h1 className="text-xl">{props.title}</h1>
      {props.summary && <div className="min-w-0 text-text-2">{props.summary}</div>}
      {props.actions && <div className="ml-auto flex items-center gap-1.5">{props.actions}</div>}
    </div>
  );
}
