"use client";
/** The way to a new policy. Who may not apply one may still write, check and try it. */
import Link from "next/link";
import { buttonLook } from "@/ui/button-look.ts";
import { Icon } from "@/ui/icon.tsx";

export function NewPolicy() {
  return (
    <Link href="/policies/new" className={buttonLook("primary")}>
      <Icon name="plus" />
      New policy
    </Link>
  );
}
