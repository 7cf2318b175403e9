"use client";
/**
 * Where nodes stand. A place, once given, stays for as long as the same is asked: figures change every few seconds, and
 * so do the smallest edges. Nodes are placed anew only when one comes that has no place yet.
 */
import { useEffect, useState } from "react";
import { layOut, type Places } from "./map-layout.ts";
import type { MapView } from "./map-view.ts";

type State = { question: string; places: Places | null; error: unknown };

/** `question`: what is asked, without its time. */
export function usePlaces({ nodes, edges }: MapView, question: string): Omit<State, "question"> {
  const [state, setState] = useState<State>({ question, places: null, error: null });
  const known = state.question === question ? state.places : null;
  const missing = !known || nodes.some(({ id }) => !known.has(id));
  useEffect(() => {
    if (!missing) return;
    let over = false;
    layOut(
      nodes.map(({ id }) => id),
      edges.map(({ src, dst, bytes }) => ({ src, dst, weight: Math.log2(1 + bytes) })),
    ).then(
      (places) => !over && setState({ question, places, error: null }),
      (error: unknown) => !over && setState({ question, places: null, error }),
    );
    return () => {
      over = true;
    };
  }, [missing, nodes, edges, question]);
  return { places: state.places, error: state.error };
}
