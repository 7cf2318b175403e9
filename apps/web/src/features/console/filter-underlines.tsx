/** A filter's problems where they stand: a wavy line under the words in question. */
import type { FilterProblem } from "@millrace/contract/filter";
import type { Ref } from "react";

type Piece = { start: number; text: string; bad: boolean };

/** The text cut into pieces that are, or aren't, part of a problem. */
export function piecesOf(text: string, problems: readonly FilterProblem[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const problem of [...problems].sort((a, b) => a.start - b.start)) {
    if (problem.start > at) pieces.push({ start: at, text: text.slice(at, problem.start), bad: false });
    const start = Math.max(problem.start, at);
    if (problem.end > start) pieces.push({ start, text: text.slice(start, problem.end), bad: true });
    at = Math.max(at, problem.end);
  }
  if (at < text.length) pieces.push({ start: at, text: text.slice(at), bad: false });
  return pieces;
}

/** Lies behind the input with the same letters, invisible but for the lines. */
export function FilterUnderlines(props: {
  ref: Ref<HTMLDivElement>;
  text: string;
  problems: readonly FilterProblem[];
}) {
  return (
    <div
      ref={props.ref}
      aria-hidden
      className="figure absolute inset-0 overflow-hidden rounded-md bg-surface-0 pt-1.75 pr-8 pl-8.25 text-xs whitespace-pre text-transparent"
    >
      {piecesOf(props.text, props.problems).map((piece) => (
        <span key={piece.start} className={piece.bad ? "problem-underline" : undefined}>
          {piece.text}
        </span>
      ))}
    </div>
  );
}
