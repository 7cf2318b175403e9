"use client";
/** A short explanation on hover and focus. Nothing may stand only here: touch has no hover. */
import { Content, Portal, Provider, Root, Trigger } from "radix-ui/tooltip";
import type { ReactNode } from "react";

export function TooltipProvider({ children }: { children: ReactNode }) {
  return (
    <Provider delayDuration={350} skipDelayDuration={150}>
      {children}
    </Provider>
  );
}

export function Tooltip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Root>
      <Trigger asChild>{children}</Trigger>
      <Portal>
        <Content
          sideOffset={6}
          collisionPadding={8}
          className="enter z-50 max-w-80 rounded-md border border-line bg-surface-1 px-2.5 py-1.5 text-xs text-text-1 shadow-overlay"
        >
          {text}
        </Content>
      </Portal>
    </Root>
  );
}
