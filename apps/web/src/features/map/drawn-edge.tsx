"use client";
/** An edge: a curve with an arrow, and its label, which leads to the flows. */
import { EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import Link from "next/link";
import { classNames } from "@/ui/class-names.ts";
import type { EdgeFace, FaceEdge } from "./drawing.ts";
import { EDGE_TONES, type EdgeTone, TONE } from "./edge-look.ts";
import { OTHER_NOTE } from "./map-words.ts";

const arrowOf = (tone: EdgeTone): string => `map-arrow-${tone}`;
/** As wide as a pointer can meet. */
const REACH_PX = 18;

export function ArrowHeads() {
  return (
    <svg width="0" height="0" aria-hidden="true" className="absolute">
      <defs>
        {EDGE_TONES.map((tone) => (
          <marker
            key={tone}
            id={arrowOf(tone)}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="14"
            markerHeight="14"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0.500 0.500 7.500 4 0.500 7.500z" fill={TONE[tone].color} />
          </marker>
        ))}
      </defs>
    </svg>
  );
}

export function DrawnEdge({ data }: EdgeProps<FaceEdge>) {
  if (!data) return null;
  const { path, tone, width, far, href } = data;
  return (
    <>
      <path
        d={path.d}
        fill="none"
        stroke={TONE[tone].color}
        strokeWidth={width}
        strokeDasharray={TONE[tone].dash}
        strokeLinecap={tone === "would-drop" ? "round" : undefined}
        markerEnd={`url(#${arrowOf(tone)})`}
        opacity={far ? 0.15 : 0.9}
      />
      <path
        d={path.d}
        fill="none"
        stroke="transparent"
        strokeWidth={REACH_PX}
        className={href ? "cursor-pointer" : undefined}
      />
      {data.label && (
        <EdgeLabelRenderer>
          <Label {...data} />
        </EdgeLabelRenderer>
      )}
    </>
  );
}

function Label({ path, label, title, href, tone }: EdgeFace) {
  const look = classNames(
    "figure nopan absolute rounded bg-surface-0 px-1 text-2xs whitespace-pre",
    tone === "plain" ? "text-text-2" : tone === "would-drop" ? "text-would-drop" : "text-dropped",
  );
  const style = { transform: `translate(-50%, -50%) translate(${path.label.x}px, ${path.label.y}px)` };
  if (!href)
    return (
      <span className={look} style={style} title={OTHER_NOTE}>
        {label}
      </span>
    );
  return (
    <Link
      href={href}
      prefetch={false}
      aria-label={title}
      className={classNames(look, "pointer-events-auto hover:underline")}
      style={style}
    >
      {label}
    </Link>
  );
}
