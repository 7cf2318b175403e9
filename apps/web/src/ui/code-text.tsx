/** Prose in which `backticks` mark what is typed or named exactly. */
import { Fragment } from "react";

export function CodeText({ text }: { text: string }) {
  return text.split("`").map((part, at) =>
    at % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts are the text, in order
      <code key={at} className="figure rounded bg-surface-2 px-1 text-[0.92em]">
        {part}
      </code>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts are the text, in order
      <Fragment key={at}>{part}</Fragment>
    ),
  );
}
