"use client";
/** Dark or light. The icons are switched by the theme itself, so that they are right from the first paint. */
import { Button } from "@/ui/button.tsx";
import { Icon } from "@/ui/icon.tsx";
import { toggleTheme } from "@/ui/theme.ts";

export function ThemeToggle() {
  return (
    <Button size="icon" variant="quiet" aria-label="Switch between dark and light" onClick={toggleTheme}>
      <Icon name="sun" size={16} className="hidden dark:block" />
      <Icon name="moon" size={16} className="dark:hidden" />
    </Button>
  );
}
