"use client";
/** Who is signed in, in what role, and the way out. */
import { Icon } from "@/ui/icon.tsx";
import { Menu } from "@/ui/menu.tsx";
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
      entries={[
        {
          kind: "label",
          id: "who",
          title: (
            <>
              {me?.name}
              <br />
              {me?.email} · {me?.role}
            </>
          ),
        },
        { kind: "line", id: "line" },
        { kind: "item", id: "out", title: "Sign out", run: () => void signOut() },
      ]}
      button={{
        size: "icon",
        variant: "quiet",
        "aria-label": me ? `Signed in as ${me.email}` : "Your account",
        children: <Icon name="user" size={16} />,
      }}
    />
  );
}
