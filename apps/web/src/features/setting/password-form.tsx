"use client";
/** Changes one's own password; other sessions end with it. Accounts of single sign-on have none here. */
import { type FormEvent, useState } from "react";
import { Button } from "@/ui/button.tsx";
import { TextField } from "@/ui/field.tsx";
import { Section } from "@/ui/section.tsx";
import { showToast } from "@/ui/toast.tsx";
import { problemOf } from "@/view/problem.ts";

const LEAST = 12;

/** Gives why it was not changed. */
async function changePassword(currentPassword: string, newPassword: string): Promise<string | null> {
  try {
    const { authClient } = await import("@/view/auth-client.ts");
    const asked = { currentPassword, newPassword, revokeOtherSessions: true };
    const { error } = await authClient.changePassword(asked);
    return error && (error.message ?? "It was refused");
  } catch (error) {
    return problemOf(error).title;
  }
}

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
    const refusal = await changePassword(String(form.get("current")), newPassword);
    setBusy(false);
    if (refusal) return setProblem(refusal);
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
