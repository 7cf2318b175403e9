"use client";
/** Why a button can't be used, beside it on hover and focus. Loaded by button.tsx when it is first needed. */
import { Content, Portal, Provider, Root, Trigger } from "radix-ui/tooltip";

export function RefusalTip({ text }: { text: string }) {
  return (
    <Provider>
      <Root open>
        <Trigger asChild>
          <span aria-hidden className="pointer-events-none absolute inset-0" />
        </Trigger>
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
    </Provider>
  );
}
