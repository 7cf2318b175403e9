"use client";
/** Changes one's own password; other sessions end with it. Accounts of single sign-on have none here. */
import { type FormEvent, useState } from "react";
import { Button } from "@/ui/button.tsx";
import { TextField } from "@/ui/field.tsx";
import { Section } from "@/ui/section.tsx";
import { showToast } from "@/ui/toast.tsx";

const LEAST = 12;

export function PasswordForm() {
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    const newPassword = String(form.get("new"));
    if (newPassword.length < LEAST) return setProblem(`At least ${LEAST} characters`);
    setBusy(true);
    setProblem(null);
    const { authClient } = await import("@/view/auth-client.ts");
    const currentPassword = String(form.get("current"));
    const { error } = await authClient.changePassword({
      currentPassword,
      newPassword,
      revokeOtherSessions: true,
    });
    setBusy(false);
    if (error) return setProblem(error.message ?? "It was refused");
    element.reset();
    showToast({ tone: "done", text: "Password changed", detail: "Your other sessions have ended." });
  };
  return (
    <Section title="Password">
      <form onSubmit={(event) => void onSubmit(event)} className="flex flex-wrap items-start gap-3 py-3">
        <TextField label="Now" name="current" type="password" autoComplete="current-password" required />
        <TextField
          label="New"
          name="new"
          type="password"
          autoComplete="new-password"
          required
          problem={problem}
          hint={`At least ${LEAST} characters`}
        />
        <Button type="submit" busy={busy} className="mt-5">
          Change it
        </Button>
      </form>
    </Section>
  );
}
