/** A titled part of a page, parted from the next by a line, not by a box. */
import { type ReactNode, useId } from "react";
import { classNames } from "./class-names.ts";

type SectionProps = {
  title: string;
  /** A short remark or figure after the title. */
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
};

export function Section({ title, note, actions, children, className }: SectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className={classNames("min-w-0", className)}>
      <div className="flex min-h-8 items-center gap-2 border-b border-line pb-1">
        <h2 id={id} className="text-sm">
          {title}
        </h2>
        {note && <span className="text-xs text-text-3">{note}</span>}
        {actions && <div className="ml-auto flex items-center gap-2">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
