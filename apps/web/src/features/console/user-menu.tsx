"use client";
/** Who is signed in, in what role, and the way out. */
import { Icon } from "@/ui/icon.tsx";
import { Menu } from "@/ui/menu.tsx";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";
import { useMe } from "@/view/session.ts";

async function signOut(): Promise<void> {
  const failed = (detail?: string) => void showToast({ tone: "failed", text: "Signing out failed", detail });
  try {
    const { authClient } = await import("@/view/auth-client.ts");
    const { error } = await authClient.signOut();
    if (error) failed(error.message);
    // A full load: nothing of the session stays in memory.
    else window.location.assign("/sign-in");
  } catch (error) {
    failed(problemOf(error).title);
  }
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
