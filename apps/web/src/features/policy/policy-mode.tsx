/** Whether a policy decides, or only says what it would. Glyph and word beside the colour. */
import type { PolicyView } from "@millrace/contract/declared";

export function PolicyMode({ mode }: { mode: PolicyView["mode"] }) {
  if (mode === "enforce") return <span>enforce</span>;
  return (
    <span
      className="text-would-drop"
      title="It decides nothing; flows that it would drop have the verdict would drop"
    >
      <span aria-hidden>◐</span> observe
    </span>
  );
}
