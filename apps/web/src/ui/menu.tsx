"use client";
/**
 * A button and the list of commands or choices that drops from it. Not modal: the page behind stays usable.
 * The list's machinery is loaded at the first press, so entries are data, not components.
 */
import dynamic from "next/dynamic";
import { type ReactNode, useRef, useState } from "react";
import { Button, type ButtonProps } from "./button.tsx";

const load = () => import("./menu-panel.tsx").then((m) => m.MenuPanel);
const MenuPanel = dynamic(load, { ssr: false });

export type MenuEntry =
  | { kind: "item"; id: string; title: ReactNode; run: () => void }
  | { kind: "check"; id: string; title: ReactNode; checked: boolean; onChange: (checked: boolean) => void }
  | { kind: "label"; id: string; title: ReactNode }
  | { kind: "line"; id: string };

type MenuProps = {
  button: Omit<ButtonProps, "ref" | "onClick">;
  entries: readonly MenuEntry[];
  align?: "start" | "end";
};

export function Menu({ button, entries, align }: MenuProps) {
  const anchor = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  return (
    <span className="relative inline-flex">
      <Button
        {...button}
        ref={anchor}
        aria-haspopup="menu"
        aria-expanded={open}
        onPointerEnter={() => void load()}
        onClick={() => setOpen(!open)}
      />
      {open && <MenuPanel anchor={anchor} entries={entries} align={align} onOpenChange={setOpen} />}
    </span>
  );
}
