/** Next calls this once when its server starts. What the process must have is checked here, before anybody asks. */
export async function register(): Promise<void> {
  const { checkAtStart } = await import("./server/startup.ts");
  checkAtStart();
}
