const FIRST_MS = 50
const LAST_MS = 1000

/**
 * How long to wait before dial number `failures + 1`: nothing after a first break (a restarted peer is often back at once), then
 * 50 ms, doubled each time up to 1 s, and of that a random half to whole, so that a crowd of clients does not return in step.
 *
 * @param random - from 0 to below 1.
 */
export function backoffMs(failures: number, random: number): number {
  if (failures <= 0) return 0
  const full = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10))
  return full * (0.5 + random / 2)
}
