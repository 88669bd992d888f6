/** Long work in slices, so that others are served in between. */

const SLICE_MS = 5

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class Slice {
  #endMs = performance.now() + SLICE_MS

  /** Whether it is time to let others work: then `await pause()`. To be asked often. */
  get isOver(): boolean {
    return performance.now() > this.#endMs
  }

  async pause(): Promise<void> {
    await nextTurn()
    this.#endMs = performance.now() + SLICE_MS
  }
}
