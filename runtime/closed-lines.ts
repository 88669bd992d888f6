import type { Log } from './log.ts'

const LINES_PER_SECOND = 100

/**
 * Says in the log why connections were closed, at most so often: strangers must not be able to fill a disk. The next line that is written tells how many were not.
 *
 * @example
 * const onProtocolError = closedLines(logger, 'connection closed: not our protocol')
 */
export function closedLines(
  log: Log,
  text: string,
  linesPerSecond = LINES_PER_SECOND,
): (remote: string, reason: string) => void {
  let second = 0
  let said = 0
  let unsaid = 0
  return (remote, reason) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) {
      second = now
      said = 0
    }
    if (++said > linesPerSecond) {
      unsaid++
      return
    }
    log.warn({ remote, reason, ...(unsaid > 0 && { unsaid }) }, text)
    unsaid = 0
  }
}
