"use client";
/** Views of one thing, side by side. Which one is open belongs to the URL, so it is always controlled. */
import { Content, List, Root, Trigger } from "radix-ui/tabs";
import type { ReactNode } from "react";

export type Tab = { id: string; title: string; hint?: ReactNode; content: ReactNode };

export function Tabs(props: { label: string; tabs: Tab[]; open: string; onOpen: (id: string) => void }) {
  return (
    <Root value={props.open} onValueChange={props.onOpen}>
      <List aria-label={props.label} className="mb-4 flex gap-1 overflow-x-auto border-b border-line">
        {props.tabs.map((tab) => (
          <Trigger
            key={tab.id}
            value={tab.id}
            className="-mb-px flex h-9 items-center gap-1.5 border-b-2 border-transparent px-3 whitespace-nowrap text-text-2 hover:text-text-1 data-[state=active]:border-accent data-[state=active]:text-text-1"
          >
            {tab.title}
            {tab.hint}
          </Trigger>
        ))}
      </List>
      {props.tabs.map((tab) => (
        <Content key={tab.id} value={tab.id} tabIndex={-1}>
          {tab.content}
        </Content>
      ))}
    </Root>
  );
}
