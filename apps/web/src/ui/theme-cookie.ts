/** Where the theme is kept: read by the server, written by the browser. */
export const THEME_COOKIE = "millrace.theme";
