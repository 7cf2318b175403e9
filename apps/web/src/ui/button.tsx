"use client";
/**
 * The one button. A button that can't be used now stays in its place and says why, to pointer, keyboard and
 * screen reader alike: that is what `refusal` is for. Not for navigation: use a link.
 */
import dynamic from "next/dynamic";
import { type ComponentProps, type MouseEvent, type ReactNode, useId, useState } from "react";
import { type ButtonSize, type ButtonVariant, buttonLook } from "./button-look.ts";
import { classNames } from "./class-names.ts";

const RefusalTip = dynamic(() => import("./refusal-tip.tsx").then((m) => m.RefusalTip), { ssr: false });

export type ButtonProps = ComponentProps<"button"> & {
  variant?: ButtonVariant;
  size?: ButtonSize;
  /** Why it can't be used now; null or absent when it can. */
  refusal?: string | null;
  busy?: boolean;
};

export function Button({ variant, size, refusal, busy, className, onClick, ...rest }: ButtonProps) {
  const id = useId();
  const blocked = Boolean(refusal) || Boolean(busy);
  const button = (
    <button
      type="button"
      {...rest}
      aria-disabled={blocked || rest["aria-disabled"]}
      aria-busy={busy}
      aria-describedby={refusal ? id : rest["aria-describedby"]}
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
  if (!refusal) return button;
  return (
    <Refused id={id} text={refusal}>
      {button}
    </Refused>
  );
}

function Refused({ id, text, children }: { id: string; text: string; children: ReactNode }) {
  const [near, setNear] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only shows what the button's description says
    <span
      className="relative inline-flex"
      onPointerEnter={() => setNear(true)}
      onPointerLeave={() => setNear(false)}
      onFocus={() => setNear(true)}
      onBlur={() => setNear(false)}
    >
      {children}
      <span id={id} className="sr-only">
        {text}
      </span>
      {near && <RefusalTip text={text} />}
    </span>
  );
}
