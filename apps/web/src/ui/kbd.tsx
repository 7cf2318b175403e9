/** A key as it is printed on the keyboard. */
export function Kbd({ children }: { children: string }) {
  return (
    <kbd className="figure inline-grid h-5 min-w-5 place-items-center rounded border border-line bg-surface-2 px-1 text-2xs text-text-2">
      {children}
    </kbd>
  );
}
