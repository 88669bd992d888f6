/**
 * Lets an error that nobody waits for end the process, as an unhandled rejection does: with its stack, and where the process listens
 * for such errors, through its listener.
 */
export function endWithBug(error: unknown): void {
  void Promise.reject(error)
}
