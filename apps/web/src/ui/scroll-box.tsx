/** Content that may be larger than its place: scrolls, and can be scrolled by keyboard. */
import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";

export function ScrollBox(props: { label: string; children: ReactNode; className?: string }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for inputs
    <div
      role="group"
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className={classNames("overflow-auto", props.className)}
    >
      {props.children}
    </div>
  );
}
