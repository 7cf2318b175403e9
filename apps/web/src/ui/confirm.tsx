"use client";
/** Asks once before something that can't be taken back; the words say what it will do and to how many. */
import dynamic from "next/dynamic";
import type { ReactNode } from "react";

const ConfirmDialog = dynamic(() => import("./confirm-dialog.tsx").then((m) => m.ConfirmDialog), {
  ssr: false,
});

export type ConfirmProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  children: ReactNode;
  /** The verb, as on the button that was pressed. */
  action: string;
  busy?: boolean;
  onConfirm: () => void;
};

export function Confirm(props: ConfirmProps) {
  return props.open ? <ConfirmDialog {...props} /> : null;
}
