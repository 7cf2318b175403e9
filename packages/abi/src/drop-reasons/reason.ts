/*
 * What is said about one drop reason of the kernel. The texts are for an operator who doesn't read kernel
 * sources: what happened, and what to look at next.
 */
export interface DropReasonText {
  /** loss: somebody wanted this packet delivered. ordinary: it had done its work, or was never wanted. */
  class: "loss" | "ordinary";
  title: string;
  explanation: string;
  nextStep: string;
}

export type DropReasonTable = Record<string, DropReasonText>;

/** Keeps the tables readable: class, title, explanation, next step. */
export function reason(
  kind: DropReasonText["class"],
  title: string,
  explanation: string,
  nextStep: string,
): DropReasonText {
  return { class: kind, title, explanation, nextStep };
}

export const NOTHING_TO_DO = "Nothing: this is how such packets end.";
