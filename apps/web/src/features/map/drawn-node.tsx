"use client";
/** A node: its name, which makes it the one that is looked at, and what goes in and out, which leads to those flows. */
import type { Quantity as Units } from "@millrace/contract/units";
import { Handle, type NodeProps, Position, useReactFlow } from "@xyflow/react";
import Link from "next/link";
import type { FocusEvent } from "react";
import { classNames } from "@/ui/class-names.ts";
import { Quantity } from "@/ui/quantity.tsx";
import type { FaceNode } from "./drawing.ts";
import { OTHER_NOTE } from "./map-words.ts";
import { NODE } from "./node-size.ts";

const LOOK = {
  plain: "border-line-strong bg-surface-1",
  focus: "border-accent bg-accent-soft outline-1 outline-accent",
  far: "border-line bg-surface-0",
} as const;

/** The library looks for them when it measures a node, and draws no edge to one that has none. */
const ENDS = [
  { type: "target", position: Position.Left },
  { type: "source", position: Position.Right },
] as const;

export function DrawnNode({ data, positionAbsoluteX: x, positionAbsoluteY: y }: NodeProps<FaceNode>) {
  const flow = useReactFlow();
  /** Who comes by keyboard may come to a node that is out of sight. */
  const show = (event: FocusEvent) => {
    if (!event.target.matches(":focus-visible")) return;
    void flow.setCenter(x + NODE.width / 2, y + NODE.height / 2, { zoom: flow.getZoom() });
  };
  const far = data.look === "far";
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only brings into sight what has the focus
    <div
      onFocus={show}
      style={NODE}
      className={classNames(
        "nopan flex cursor-pointer flex-col justify-between rounded-md border px-2.5 py-1 text-xs",
        LOOK[data.look],
      )}
    >
      <button
        type="button"
        aria-pressed={data.look === "focus"}
        title={`${data.title}: look at its neighbours only`}
        className={classNames("min-w-0 truncate text-left font-medium", far ? "text-text-3" : "text-text-1")}
      >
        {data.title}
      </button>
      <span className="-mt-1 truncate text-2xs text-text-3">{data.note}</span>
      {ENDS.map((end) => (
        <Handle key={end.type} {...end} isConnectable={false} className="invisible" />
      ))}
      <span className="flex justify-between gap-2 text-2xs">
        <Amount word="in" title={`Flows opened to ${data.title}`} {...data.into} />
        <Amount word="out" title={`Flows opened by ${data.title}`} {...data.outOf} />
      </span>
    </div>
  );
}

type AmountProps = { word: string; title: string; rate: Units | null; href: string | null };

/** A press on it is no press on the node. */
function Amount({ word, title, rate, href }: AmountProps) {
  const content = (
    <>
      <span className="text-text-3">{word}</span> <Quantity value={rate} />
    </>
  );
  if (!href) return <span title={OTHER_NOTE}>{content}</span>;
  return (
    <Link
      href={href}
      prefetch={false}
      title={title}
      onClick={(event) => event.stopPropagation()}
      className="hover:text-accent hover:underline"
    >
      {content}
      <span className="sr-only">{`: ${title}`}</span>
    </Link>
  );
}
