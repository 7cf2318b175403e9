"use client";
/**
 * A button and the panel that hangs from it, not blocking the page. The panel's machinery is loaded at the
 * first press, or a moment before when the pointer comes near. For lists of commands use menu.tsx.
 */
import dynamic from "next/dynamic";
import { type ReactNode, useRef, useState } from "react";
import { Button, type ButtonProps } from "./button.tsx";

const load = () => import("./popover-panel.tsx").then((m) => m.PopoverPanel);
const PopoverPanel = dynamic(load, { ssr: false });

type PopoverProps = {
  button: Omit<ButtonProps, "ref" | "onClick">;
  label: string;
  children: ReactNode;
  align?: "start" | "center" | "end";
  className?: string;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
};

export function Popover({ button, open, onOpenChange, ...panel }: PopoverProps) {
  const anchor = useRef<HTMLButtonElement>(null);
  const [ownOpen, setOwnOpen] = useState(false);
  const isOpen = open ?? ownOpen;
  const setOpen = onOpenChange ?? setOwnOpen;
  return (
    <>
      <Button
        {...button}
        ref={anchor}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onPointerEnter={() => void load()}
        onClick={() => setOpen(!isOpen)}
      />
      {isOpen && <PopoverPanel {...panel} anchor={anchor} onOpenChange={setOpen} />}
    </>
  );
}
