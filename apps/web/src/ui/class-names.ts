/** Joins class names, leaving out what doesn't apply. Conflicts are not resolved: write none. */
export type ClassName = string | false | null | undefined;
export const classNames = (...names: ClassName[]): string => names.filter(Boolean).join(" ");
