/** Why a socket told nothing, in words for the operator: the page shows them beside what is unknown. */

const WORDS: Record<string, string> = {
  ENOENT: "isn't there",
  EACCES: "may not be opened by the agent",
  EPERM: "may not be opened by the agent",
  ECONNREFUSED: "is there, but nobody answers at it",
};

export class SocketFailure extends Error {
  constructor(socket: string, why: string, options?: ErrorOptions) {
    super(`${socket} ${why}`.slice(0, 160), options);
    this.name = "SocketFailure";
  }
}

export function asFailure(socket: string, error: unknown): SocketFailure {
  if (error instanceof SocketFailure) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  return new SocketFailure(socket, WORDS[code] ?? `gave no answer: ${message}`, { cause: error });
}
