/** How buttons look, for button.tsx and for links that stand among buttons. */
import { classNames } from "./class-names.ts";

const VARIANT = {
  plain: "border border-line bg-surface-1 text-text-1 hover:bg-surface-2",
  primary: "border border-transparent bg-accent text-on-accent hover:opacity-90",
  danger: "border border-transparent bg-danger text-on-danger hover:opacity-90",
  quiet: "border border-transparent text-text-2 hover:bg-surface-2 hover:text-text-1",
} as const;
const SIZE = {
  md: "h-8 px-3",
  sm: "h-6 px-2 text-xs",
  icon: "size-8",
  tiny: "size-6",
} as const;
export type ButtonVariant = keyof typeof VARIANT;
export type ButtonSize = keyof typeof SIZE;

const LOOK =
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap select-none transition-colors";

export const buttonLook = (variant: ButtonVariant = "plain", size: ButtonSize = "md"): string =>
  classNames(LOOK, VARIANT[variant], SIZE[size]);
