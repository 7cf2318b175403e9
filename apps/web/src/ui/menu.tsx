"use client";
/** A list of commands or choices that drops from a button. Not modal: the page behind stays usable. */
import {
  CheckboxItem,
  Content,
  Item,
  ItemIndicator,
  Label,
  Portal,
  Root,
  Separator,
  Trigger,
} from "radix-ui/dropdown-menu";
import type { ReactNode } from "react";

const ITEM =
  "flex h-7 items-center gap-2 rounded px-2 text-sm text-text-1 outline-none select-none data-[highlighted]:bg-surface-2 data-[disabled]:text-text-3";

export function Menu({
  trigger,
  children,
  align = "end",
}: {
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
}) {
  return (
    <Root modal={false}>
      <Trigger asChild>{trigger}</Trigger>
      <Portal>
        <Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className="enter z-40 max-h-[70vh] min-w-44 overflow-auto rounded-md border border-line bg-surface-1 p-1 shadow-overlay"
        >
          {children}
        </Content>
      </Portal>
    </Root>
  );
}

export function MenuItem({ children, onSelect }: { children: ReactNode; onSelect: () => void }) {
  return (
    <Item className={ITEM} onSelect={onSelect}>
      {children}
    </Item>
  );
}

export function MenuCheck(props: {
  children: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <CheckboxItem
      className={ITEM}
      checked={props.checked}
      onCheckedChange={props.onChange}
      // Several may be switched before the menu closes.
      onSelect={(event) => event.preventDefault()}
    >
      <span className="w-3 text-accent">
        <ItemIndicator>✓</ItemIndicator>
      </span>
      {props.children}
    </CheckboxItem>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Label className="px-2 py-1 text-xs text-text-3">{children}</Label>;
}

export function MenuLine() {
  return <Separator className="my-1 h-px bg-line" />;
}
