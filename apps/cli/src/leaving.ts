/**
 * The end of the process before its work is done: by a signal, or because the reader of its output went away.
 * What this process started on hosts is stopped first, within a few seconds. Not the ordinary end.
 */
const PATIENCE_MS = 5_000;
const SIGNALS = { SIGTERM: 143, SIGHUP: 129 } as const;
const tasks = new Set<() => Promise<unknown>>();
let leaving: Promise<void> | undefined;

const onSignal = (signal: NodeJS.Signals): void => void leave(SIGNALS[signal as keyof typeof SIGNALS]);

/** Returns what takes the task back, when there is nothing left to do. */
export function beforeLeaving(task: () => Promise<unknown>): () => void {
  tasks.add(task);
  for (const signal of Object.keys(SIGNALS)) process.on(signal, onSignal);
  return () => {
    tasks.delete(task);
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
  };
}

/** The first to ask decides the code. */
export function leave(code: number, exit: (code: number) => void = process.exit): Promise<void> {
  leaving ??= (async () => {
    const done = Promise.allSettled([...tasks].map((task) => task()));
    const overdue = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref());
    await Promise.race([done, overdue]);
    exit(code);
  })();
  return leaving;
}
