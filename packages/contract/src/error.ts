/**
 * Every error a person or a program can meet at one of our APIs: a closed union, and one table that says
 * how each travels. `message` is for operators, `publicMessage` for users; they never mix.
 */
export const ERROR_CODES = {
  BAD_REQUEST: { trpc: "BAD_REQUEST", http: 400, retryable: false, title: "The request is not valid" },
  BAD_FILTER: { trpc: "BAD_REQUEST", http: 400, retryable: false, title: "The filter can't be read" },
  UNAUTHENTICATED: { trpc: "UNAUTHORIZED", http: 401, retryable: false, title: "Sign in first" },
  FORBIDDEN: { trpc: "FORBIDDEN", http: 403, retryable: false, title: "Your role may not do this" },
  NOT_FOUND: { trpc: "NOT_FOUND", http: 404, retryable: false, title: "Not found" },
  CONFLICT: { trpc: "CONFLICT", http: 409, retryable: false, title: "Not possible in the present state" },
  INCOMPATIBLE: {
    trpc: "PRECONDITION_FAILED",
    http: 412,
    retryable: false,
    title: "Agent and server speak different protocols",
  },
  TOO_LARGE: { trpc: "PAYLOAD_TOO_LARGE", http: 413, retryable: false, title: "The request is too large" },
  BUSY: { trpc: "TOO_MANY_REQUESTS", http: 429, retryable: true, title: "Busy: try again shortly" },
  INTERNAL: { trpc: "INTERNAL_SERVER_ERROR", http: 500, retryable: true, title: "Something went wrong here" },
  UNAVAILABLE: {
    trpc: "SERVICE_UNAVAILABLE",
    http: 503,
    retryable: true,
    title: "The database can't be reached",
  },
} as const satisfies Record<string, { trpc: string; http: number; retryable: boolean; title: string }>;
export type ErrorCode = keyof typeof ERROR_CODES;

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly publicMessage: string;
  constructor(code: ErrorCode, message: string, options?: { publicMessage?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.publicMessage = options?.publicMessage ?? ERROR_CODES[code].title;
  }
}
