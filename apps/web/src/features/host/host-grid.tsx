"use client";
/**
 * All hosts at once, a square each, painted on a canvas so that a hundred thousand don't stutter. The table
 * below holds the same for those who can't see or point.
 */
import type { HostSummary } from "@millrace/contract/host";
import { type MouseEvent, useEffect, useRef, useState } from "react";
import { useTheme } from "@/ui/theme.ts";
import { colorValue } from "@/ui/tokens.ts";
import { gridOf, paintOf } from "./host-order.ts";
import type { GridColor } from "./host-params.ts";

const HEIGHT = 132;
const GAP = 1;

type GridProps = { hosts: readonly HostSummary[]; color: GridColor; onGo: (name: string) => void };

export function HostGrid({ hosts, color, onGo }: GridProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [hovered, setHovered] = useState<HostSummary | null>(null);
  const theme = useTheme();
  useEffect(() => {
    const parent = canvas.current?.parentElement;
    if (!parent) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(parent);
    return () => observer.disconnect();
  }, []);
  const grid = gridOf(hosts.length, Math.max(width, 1), HEIGHT);
  const height = grid.rows * grid.cell;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme changes the colours' values
  useEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, hosts, color, width, height);
  }, [hosts, color, width, height, theme]);

  const hostAt = (event: MouseEvent<HTMLCanvasElement>): HostSummary | null => {
    const column = Math.floor(event.nativeEvent.offsetX / grid.cell);
    const row = Math.floor(event.nativeEvent.offsetY / grid.cell);
    return column < grid.columns ? (hosts[row * grid.columns + column] ?? null) : null;
  };
  return (
    <div className="relative">
      <div className="max-h-64 overflow-auto">
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${hosts.length} hosts by ${color}; the table below lists them`}
          style={{ width: width || "100%", height }}
          className="block cursor-pointer"
          onMouseMove={(event) => setHovered(hostAt(event))}
          onMouseLeave={() => setHovered(null)}
          onClick={(event) => {
            const host = hostAt(event);
            if (host) onGo(host.name);
          }}
        />
      </div>
      <p className="mt-1 h-5 truncate text-xs text-text-2">
        {hovered ? (
          <>
            <span className="figure">{hovered.name}</span> · {hovered.state}
            {hovered.reasons.length > 0 && ` · ${hovered.reasons.join(" · ")}`}
          </>
        ) : (
          <span className="text-text-3">Point at a square for its host.</span>
        )}
      </p>
    </div>
  );
}

function paint(
  canvas: HTMLCanvasElement,
  hosts: readonly HostSummary[],
  color: GridColor,
  width: number,
  height: number,
): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const { cell, columns } = gridOf(hosts.length, width, HEIGHT);
  const values = new Map<string, string>();
  const painted = (token: string): string => {
    const known = values.get(token) ?? colorValue(canvas, token);
    values.set(token, known);
    return known;
  };
  for (const [at, host] of hosts.entries()) {
    const x = (at % columns) * cell;
    const y = Math.floor(at / columns) * cell;
    const { token, alpha } = paintOf(host, color);
    context.fillStyle = painted(token);
    context.globalAlpha = alpha;
    context.fillRect(x, y, cell - GAP, cell - GAP);
    // Shape besides colour: what is unwell carries a hole, what is unknown a stroke.
    if (color !== "state" || host.state === "ok" || cell < 8) continue;
    context.globalAlpha = 1;
    context.fillStyle = painted("--surface-0");
    if (host.state === "unknown") context.fillRect(x + 2, y + (cell - GAP) / 2 - 1, cell - GAP - 4, 2);
    else context.fillRect(x + (cell - GAP) / 2 - 2, y + (cell - GAP) / 2 - 2, 4, 4);
  }
}
