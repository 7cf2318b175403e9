"use client";
/**
 * The answer to a question whose time moves on. Every step is a query of its own: when one fails, the last answer to
 * the same question stays, with its age and the failure, until one succeeds. Without this a page would change from old
 * data that looks current to a failure and back at every step.
 */
import { useState } from "react";

type Asked<Data> = {
  data: Data | undefined;
  dataUpdatedAt: number;
  error: unknown;
  isPlaceholderData: boolean;
};
export type Kept<Data> = { question: string; data: Data | undefined; at: number; error: unknown };
export const NOTHING_KEPT: Kept<never> = { question: "", data: undefined, at: 0, error: null };

/** The same object as before when nothing changed. */
export function keep<Data>(before: Kept<Data>, question: string, query: Asked<Data>): Kept<Data> {
  const now = keptOf(before, question, query);
  const changed = (Object.keys(now) as (keyof Kept<Data>)[]).some((key) => now[key] !== before[key]);
  return changed ? now : before;
}

function keptOf<Data>(before: Kept<Data>, question: string, query: Asked<Data>): Kept<Data> {
  const { data, dataUpdatedAt, error, isPlaceholderData } = query;
  if (data !== undefined && !isPlaceholderData) return { question, data, at: dataUpdatedAt, error };
  const kept = before.question === question ? before : { ...NOTHING_KEPT, question };
  return error ? { ...kept, error } : kept;
}

/** The query as it is, and once it failed, with the last answer to the same question in its place. */
export function withKept<Data, Query extends Asked<Data>>(kept: Kept<Data>, query: Query): Query {
  return kept.error ? { ...query, data: kept.data, dataUpdatedAt: kept.at, error: kept.error } : query;
}

/** `question`: what is asked, without the moment that it is asked of. */
export function useKept<Query extends Asked<unknown>>(query: Query, question: string): Query {
  const [kept, setKept] = useState<Kept<Query["data"]>>(NOTHING_KEPT);
  const now = keep(kept, question, query);
  if (now !== kept) setKept(now);
  return withKept(now, query);
}
