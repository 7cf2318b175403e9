/**
 * One query cache per request on the server, one per page in the browser. What is retried, how long an
 * answer counts as fresh, and what a lost session does are decided here, not in components.
 */
import { QueryCache, QueryClient } from "@tanstack/react-query";

type Refusal = { data?: { httpStatus?: number } | null };
const statusOf = (error: unknown): number | undefined => (error as Refusal | null)?.data?.httpStatus;

/** Asking again doesn't help when the request itself was refused. */
const worthRetrying = (failures: number, error: unknown): boolean => {
  const status = statusOf(error);
  return failures < 2 && (status === undefined || status >= 500 || status === 429);
};

export function makeQueryClient(onSignedOut: () => void = () => {}): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        if (statusOf(error) === 401) onSignedOut();
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: worthRetrying,
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4000),
        refetchOnWindowFocus: false,
      },
    },
  });
}
