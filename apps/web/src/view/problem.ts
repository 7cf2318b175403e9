/** Turns what a query threw into what happened and what to do. Texts from the server are meant for users. */
export type Problem = { title: string; advice: string };

type ApiError = { name?: string; message?: string; data?: { httpStatus?: number; app?: string } | null };

const ADVICE: Record<string, string> = {
  BAD_FILTER: "Correct the filter: what can't be read is underlined.",
  UNAUTHENTICATED: "Sign in again.",
  FORBIDDEN: "Ask an admin for the role, or somebody who has it.",
  NOT_FOUND: "It may have been removed, or be older than what is kept.",
  CONFLICT: "Somebody else may have been faster: look again.",
  BUSY: "It is tried again by itself.",
  UNAVAILABLE: "Flows are still being counted on the hosts and will arrive when the database is back.",
  INTERNAL: "Try again; if it stays, the server's log says why.",
};

export function problemOf(error: unknown): Problem {
  const { name, message, data } = (error ?? {}) as ApiError;
  if (name === "ChunkLoadError")
    return {
      title: "A part of this page could not be loaded",
      advice: "Reload the page: Millrace was upgraded meanwhile, or doesn't answer.",
    };
  if (!data)
    return {
      title: "The control plane doesn't answer",
      advice:
        "Check that Millrace is running and that this machine reaches it. Hosts keep counting meanwhile.",
    };
  const advice = ADVICE[data.app ?? ""] ?? (data.httpStatus && data.httpStatus < 500 ? "" : ADVICE.INTERNAL);
  return { title: message || "Something went wrong", advice: advice ?? "" };
}
