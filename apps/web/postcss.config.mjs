/** Tailwind is the only PostCSS step; the theme it reads is in src/app/globals.css. No other plugin. */
export default { plugins: { "@tailwindcss/postcss": {} } };
