"use client";
/** A panel that hangs from a button and doesn't block the page. For lists of commands use menu.tsx. */
import { Content, Portal, Root, Trigger } from "radix-ui/popover";
import type { ReactNode } from "react";
import { classNames } from "./class-names.ts";

type PopoverProps = {
  trigger: ReactNode;
  children: ReactNode;
  label: string;
  align?: "start" | "center" | "end";
  className?: string;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
};

export function Popover({
  trigger,
  children,
  label,
  align = "end",
  className,
  open,
  onOpenChange,
}: PopoverProps) {
  return (
    <Root open={open} onOpenChange={onOpenChange}>
      <Trigger asChild>{trigger}</Trigger>
      <Portal>
        <Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          aria-label={label}
          className={classNames(
            "enter z-40 max-h-[80vh] max-w-[calc(100vw-16px)] overflow-auto rounded-md border border-line bg-surface-1 p-3 shadow-overlay",
            className,
          )}
        >
          {children}
        </Content>
      </Portal>
    </Root>
  );
}
