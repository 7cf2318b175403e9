/** A number with its unit smaller and dimmer. Formatting itself is the caller's: this only sets it. */
import { classNames } from "./class-names.ts";

export function Quantity(props: { value: { value: string; unit: string } | null; className?: string }) {
  if (!props.value) return <span className={classNames("figure text-text-3", props.className)}>–</span>;
  return (
    <span className={classNames("figure whitespace-nowrap", props.className)}>
      {props.value.value}
      {props.value.unit && <span className="ml-0.5 text-[0.85em] text-text-3">{props.value.unit}</span>}
    </span>
  );
}
