/** The filter that finds the flows behind a name of the rollups: a service, a pod, an address, or the rest. */

const quoted = (value: string): string => (/[\s,"]/.test(value) ? `"${value}"` : value);
const isAddress = (name: string): boolean =>
  /^\d+(\.\d+){3}$/.test(name) || /^[0-9a-f]*:[0-9a-f:.]+$/i.test(name);

/** `shop/web` is a service and its namespace. What was folded into “other” has no filter of its own. */
export function nameFilter(name: string, side: "src." | "dst." | ""): string {
  if (name === "other") return "";
  if (isAddress(name)) return `${side}ip=${name}`;
  const slash = name.indexOf("/");
  if (slash < 0) return `${side}service=${quoted(name)}`;
  return `${side}namespace=${quoted(name.slice(0, slash))} ${side}service=${quoted(name.slice(slash + 1))}`;
}

export const pairFilter = (src: string, dst: string): string =>
  `${nameFilter(src, "src.")} ${nameFilter(dst, "dst.")}`.trim();
