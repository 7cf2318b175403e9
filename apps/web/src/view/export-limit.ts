/** Rows of one file: what a browser holds with ease. */
export const EXPORT_ROWS_MAX = 50_000;
