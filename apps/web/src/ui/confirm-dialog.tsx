"use client";
/** The dialog of confirm.tsx, which loads it. */
import { Button } from "./button.tsx";
import type { ConfirmProps } from "./confirm.tsx";
import { Dialog } from "./dialog.tsx";

export function ConfirmDialog({
  open,
  onOpenChange,
  title,
  children,
  action,
  busy,
  onConfirm,
}: ConfirmProps) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} about={children}>
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>Keep things as they are</Button>
        <Button variant="danger" busy={busy} onClick={onConfirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
