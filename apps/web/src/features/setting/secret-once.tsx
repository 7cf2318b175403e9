"use client";
/** A secret that is shown this once: it is stored only as a hash, so nobody can show it again. */
import { CopyButton } from "@/ui/copy-button.tsx";
import { Dialog } from "@/ui/dialog.tsx";

type SecretOnceProps = { title: string; about: string; secret: string; onClose: () => void };

export function SecretOnce({ title, about, secret, onClose }: SecretOnceProps) {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={title}
      about={about}
      className="w-[min(640px,calc(100vw-24px))]"
    >
      <pre
        className="figure rounded-md border border-line bg-surface-0 p-3 text-xs break-all whitespace-pre-wrap select-all"
        data-testid="secret"
      >
        {secret}
      </pre>
      <div className="mt-3 flex items-center justify-between gap-2">
        <p className="text-xs text-warn">▲ Copy it now: it can't be shown again.</p>
        <CopyButton label="Copy" text={() => secret} />
      </div>
    </Dialog>
  );
}
