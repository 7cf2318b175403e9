"use client";
/** The panel of popover.tsx, which loads it. Exists only while open. */
import { Anchor, Content, Portal, Root } from "radix-ui/popover";
import type { ReactNode, RefObject } from "react";
import { classNames } from "./class-names.ts";

type PanelProps = {
  anchor: RefObject<HTMLButtonElement | null>;
  label: string;
  children: ReactNode;
  align?: "start" | "center" | "end";
  className?: string;
  onOpenChange: (open: boolean) => void;
};

export function PopoverPanel({
  anchor,
  label,
  children,
  align = "end",
  className,
  onOpenChange,
}: PanelProps) {
  return (
    <Root open onOpenChange={onOpenChange}>
      <Anchor virtualRef={anchor} />
      <Portal>
        <Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          aria-label={label}
          // A press on the button closes by the button itself, or it would open again at once.
          onInteractOutside={(event) => {
            if (anchor.current?.contains(event.target as Node)) event.preventDefault();
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            anchor.current?.focus();
          }}
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
