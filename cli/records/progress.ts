import cliProgress from 'cli-progress'

/** How far a long command is; on standard error, and only where that is a terminal. */
export class Progress {
  readonly #bar: cliProgress.SingleBar
  readonly #began = performance.now()
  readonly #total: number | null
  #count = 0
  #bytes = 0
  #shown = 0

  /** @param total - bytes of the whole; null where nobody knows. */
  constructor(verb: string, total: number | null) {
    this.#total = total
    const known = `${verb} |{bar}| {percentage}%  {count} records  {rate}/s  {eta_formatted} left`
    this.#bar = new cliProgress.SingleBar(
      {
        format: total === null ? `${verb} {count} records  {rate}/s` : known,
        stream: process.stderr,
        noTTYOutput: false,
        hideCursor: true,
        clearOnComplete: true,
        stopOnComplete: false,
        etaBuffer: 50,
      },
      cliProgress.Presets.shades_classic,
    )
    this.#bar.start(Math.max(total ?? 1, 1), 0, { count: 0, rate: 0 })
  }

  get count(): number {
    return this.#count
  }

  addBytes(count: number): void {
    this.#bytes += count
  }

  records(count: number): void {
    this.#count = count
    const now = performance.now()
    if (now - this.#shown < 100) return
    this.#shown = now
    this.#show()
  }

  /** Also gives the terminal its cursor back. */
  stop(): void {
    this.#show()
    this.#bar.stop()
  }

  /** `1000 records in 1.5 s (667/s)` */
  get summary(): string {
    const seconds = (performance.now() - this.#began) / 1000
    return `${this.#count} records in ${seconds.toFixed(1)} s (${this.#rate}/s)`
  }

  get #rate(): number {
    return Math.round((this.#count * 1000) / (performance.now() - this.#began))
  }

  #show(): void {
    const value = this.#total === null ? 0 : Math.min(this.#bytes, this.#total)
    this.#bar.update(value, { count: this.#count, rate: this.#rate })
  }
}
