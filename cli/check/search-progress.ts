import type { CheckProgress } from '../../lab/checker/limits.ts'

const SHOW_EVERY_MS = 200

/** How a long search goes: one line on standard error that replaces itself, and only where that is a terminal. */
export class SearchProgress {
  #shownMs = performance.now()
  #isShown = false

  show({ part, explained, operations, configurations }: CheckProgress): void {
    const now = performance.now()
    if (!process.stderr.isTTY || now - this.#shownMs < SHOW_EVERY_MS) return
    this.#shownMs = now
    this.#isShown = true
    const words = `${part}: ${explained} of ${operations} operations in order, ${configurations.toLocaleString('en')} configurations`
    process.stderr.write(`\r\x1b[K${words.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
  }
}
