/**
 * Work of all stores of this process, one piece after another. A batch occupies one of libuv's four threads through its commit and its fsync: the stores
 * of many chains, whose timers run out together, would take them all, and the log's fdatasync would wait for the slowest.
 */
export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve()

  /** Begins once everything given before has settled, and settles as `work` does. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {}) // its caller hears of it
    return result
  }
}
