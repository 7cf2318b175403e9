"use client";
/** The list of menu.tsx, which loads it. Exists only while open. */
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
import type { RefObject } from "react";
import type { MenuEntry } from "./menu.tsx";

const ITEM =
  "flex h-7 items-center gap-2 rounded px-2 text-sm text-text-1 outline-none select-none data-[disabled]:text-text-3 data-[highlighted]:bg-surface-2";

type PanelProps = {
  anchor: RefObject<HTMLButtonElement | null>;
  entries: readonly MenuEntry[];
  align?: "start" | "end";
  onOpenChange: (open: boolean) => void;
};

export function MenuPanel({ anchor, entries, align = "end", onOpenChange }: PanelProps) {
  return (
    <Root open onOpenChange={onOpenChange} modal={false}>
      <Trigger asChild>
        <span aria-hidden className="pointer-events-none absolute inset-0" />
      </Trigger>
      <Portal>
        <Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          // A press on the button closes by the button itself, or it would open again at once.
          onInteractOutside={(event) => {
            if (anchor.current?.contains(event.target as Node)) event.preventDefault();
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            anchor.current?.focus();
          }}
          className="enter z-40 max-h-[70vh] min-w-44 overflow-auto rounded-md border border-line bg-surface-1 p-1 shadow-overlay"
        >
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </Content>
      </Portal>
    </Root>
  );
}

function Entry({ entry }: { entry: MenuEntry }) {
  switch (entry.kind) {
    case "item":
      return (
        <Item className={ITEM} onSelect={entry.run}>
          {entry.title}
        </Item>
      );
    case "check":
      return (
        <CheckboxItem
          className={ITEM}
          checked={entry.checked}
          onCheckedChange={entry.onChange}
          // Several may be switched before the menu closes.
          onSelect={(event) => event.preventDefault()}
        >
          <span className="w-3 text-accent">
            <ItemIndicator>✓</ItemIndicator>
          </span>
          {entry.title}
        </CheckboxItem>
      );
    case "label":
      return <Label className="px-2 py-1 text-xs text-text-3">{entry.title}</Label>;
    case "line":
      return <Separator className="my-1 h-px bg-line" />;
  }
}
