"use client";
/** A page that could not be drawn; the frame around it stays usable. */
import { Failed } from "@/view/answer.tsx";

export default function PageError({ error, reset }: { error: Error; reset: () => void }) {
  return <Failed error={error} onRetry={reset} />;
}
