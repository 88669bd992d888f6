/** Something that queues during a turn and writes at its end. */
export interface Flushable {
  flush(): void
}

/**
 * Flushes, once per event-loop turn, everything that queued something in it. The end of a turn is `setImmediate`: it runs right after
 * the callbacks of the sockets that were readable, so a lone request waits for nothing, and a thousand share one write.
 */
export class TurnFlusher {
  #waiting: Flushable[] = []
  #scheduled: NodeJS.Immediate | null = null

  add(flushable: Flushable): void {
    this.#waiting.push(flushable)
    this.#scheduled ??= setImmediate(() => this.flush())
  }

  flush(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled)
    this.#scheduled = null
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    for (const flushable of waiting) flushable.flush()
  }
}
