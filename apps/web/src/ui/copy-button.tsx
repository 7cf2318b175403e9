"use client";
import { useState } from "react";
import { Button } from "./button.tsx";
/** Copies a text and says so in its own place, without a toast. */
import { Icon } from "./icon.tsx";
import { showToast } from "./toast.tsx";

export function CopyButton(props: { text: () => string; label: string; size?: "sm" | "md" }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text());
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      showToast({ tone: "failed", text: "The browser did not allow copying" });
    }
  };
  return (
    <Button size={props.size ?? "sm"} variant="quiet" onClick={copy}>
      {copied ? <Icon name="check" /> : <Icon name="copy" />}
      {props.label}
    </Button>
  );
}
