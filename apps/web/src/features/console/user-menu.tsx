"use client";
/** Who is signed in, in what role, and the way out. */
import { CircleUser } from "lucide-react";
import { Button } from "@/ui/button.tsx";
import { Menu, MenuItem, MenuLabel, MenuLine } from "@/ui/menu.tsx";
import { showToast } from "@/ui/toast.tsx";
import { useMe } from "@/view/session.ts";

async function signOut(): Promise<void> {
  const { authClient } = await import("@/view/auth-client.ts");
  const { error } = await authClient.signOut();
  if (error) showToast({ tone: "failed", text: "Signing out failed", detail: error.message });
  // A full load: nothing of the session stays in memory.
  else window.location.assign("/sign-in");
}

export function UserMenu() {
  const me = useMe();
  return (
    <Menu
      trigger={
        <Button size="icon" variant="quiet" aria-label={me ? `Signed in as ${me.email}` : "Your account"}>
          <CircleUser size={16} aria-hidden />
        </Button>
      }
    >
      <MenuLabel>
        {me?.name}
        <br />
        {me?.email} · {me?.role}
      </MenuLabel>
      <MenuLine />
      <MenuItem onSelect={() => void signOut()}>Sign out</MenuItem>
    </Menu>
  );
}
