"use client";
/** The last resort, when not even the document could be drawn. Plain, since nothing else may be relied on. */
export default function GlobalError({ reset }: { reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <main>
          <h1>Millrace could not draw this page</h1>
          <p>The containers' traffic is not affected. Hosts keep counting.</p>
          <button type="button" onClick={reset}>
            Try again
          </button>
        </main>
      </body>
    </html>
  );
}
