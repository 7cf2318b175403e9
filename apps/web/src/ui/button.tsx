"use client";
/**
 * The one button. A button that can't be used now stays in its place and says why, to pointer, keyboard and
 * screen reader alike: that is what `refusal` is for. Not for navigation: use a link.
 */
import type { ComponentProps, MouseEvent } from "react";
import { type ButtonSize, type ButtonVariant, buttonLook } from "./button-look.ts";
import { classNames } from "./class-names.ts";
import { Tooltip } from "./tooltip.tsx";

export type ButtonProps = ComponentProps<"button"> & {
  variant?: ButtonVariant;
  size?: ButtonSize;
  /** Why it can't be used now; null or absent when it can. */
  refusal?: string | null;
  busy?: boolean;
};

export function Button({ variant, size, refusal, busy, className, onClick, ...rest }: ButtonProps) {
  const blocked = Boolean(refusal) || Boolean(busy);
  const button = (
    <button
      type="button"
      {...rest}
      aria-disabled={blocked || rest["aria-disabled"]}
      aria-busy={busy}
      onClick={(event: MouseEvent<HTMLButtonElement>) => {
        if (blocked) event.preventDefault();
        else onClick?.(event);
      }}
      className={classNames(
        buttonLook(variant, size),
        blocked && "cursor-not-allowed border-line! bg-surface-1! text-text-3!",
        className,
      )}
    />
  );
  return refusal ? <Tooltip text={refusal}>{button}</Tooltip> : button;
}
