import { asLogIndex, type LogIndex, type Term } from './ids.ts'
import type { LogEntry } from './log.ts'

/** So many entries are packed together. */
export const PACKED_TOGETHER = 256
/** Longer ones are left as they are: their commands are most of them, and would only be copied. */
const PACKED_BYTES_MAX = PACKED_TOGETHER * 4096

/** Entries of one run whose commands lie in one piece of memory. */
interface PackedRun {
  readonly terms: readonly Term[]
  /** Where each command ends; `null` is a no-op. */
  readonly ends: readonly (number | null)[]
  readonly bytes: Uint8Array
}

type Run = PackedRun | readonly LogEntry[]

/**
 * Consecutive entries of a log, by position. The newest are objects; older ones, which hardly anybody asks for, are packed: as objects they are most of what the
 * garbage collector of a busy member moves about, and take three times the memory.
 *
 * An entry that was given out stays as it is, whatever happens to the list.
 */
export class EntryList {
  /** Each of `PACKED_TOGETHER` entries, of which the first `#skipped` of the first run are gone. */
  #runs: Run[] = []
  #skipped = 0
  /** What follows the runs, fewer than fill another one. */
  #newest: LogEntry[] = []
  #firstIndex = asLogIndex(0)

  get length(): number {
    return this.#runs.length * PACKED_TOGETHER - this.#skipped + this.#newest.length
  }

  push(entry: LogEntry): void {
    if (this.length === 0) this.#firstIndex = entry.index
    this.#newest.push(entry)
    if (this.#newest.length < PACKED_TOGETHER) return
    this.#runs.push(packed(this.#newest))
    this.#newest = []
  }

  /** @returns `null` outside of the list. */
  at(position: number): LogEntry | null {
    if (position < 0) return null
    const place = position + this.#skipped
    const run = this.#runs[Math.floor(place / PACKED_TOGETHER)]
    if (run === undefined) return this.#newest[place - this.#runs.length * PACKED_TOGETHER] ?? null
    return entryIn(run, place % PACKED_TOGETHER, asLogIndex(this.#firstIndex + position))
  }

  /** Cheaper than `at`. */
  termAt(position: number): Term | null {
    if (position < 0) return null
    const place = position + this.#skipped
    const run = this.#runs[Math.floor(place / PACKED_TOGETHER)]
    if (run === undefined) return this.#newest[place - this.#runs.length * PACKED_TOGETHER]?.term ?? null
    const at = place % PACKED_TOGETHER
    return ('terms' in run ? run.terms[at] : run[at]?.term) ?? null
  }

  /** Of the positions in [from, to), those that there are. */
  slice(from: number, to: number): LogEntry[] {
    const packedLength = this.length - this.#newest.length
    if (from >= packedLength) return this.#newest.slice(from - packedLength, Math.max(0, to - packedLength))
    const entries: LogEntry[] = []
    for (let position = Math.max(0, from); position < to; position++) {
      const entry = this.at(position)
      if (entry === null) break
      entries.push(entry)
    }
    return entries
  }

  /** Keeps the first `length` of them. */
  truncate(length: number): void {
    const place = Math.max(0, length) + this.#skipped
    const whole = Math.floor(place / PACKED_TOGETHER)
    if (whole < this.#runs.length) {
      // The run in which it ends becomes objects again.
      this.#newest = this.slice(whole * PACKED_TOGETHER - this.#skipped, length)
      this.#runs.length = whole
      if (whole === 0) this.#skipped = 0
    } else this.#newest.length = Math.min(this.#newest.length, place - this.#runs.length * PACKED_TOGETHER)
  }

  /** Drops the first ones. */
  dropFirst(count: number): void {
    const dropped = Math.min(count, this.length)
    const place = dropped + this.#skipped
    const runs = Math.min(Math.floor(place / PACKED_TOGETHER), this.#runs.length)
    this.#firstIndex = asLogIndex(this.#firstIndex + dropped)
    this.#runs = this.#runs.slice(runs)
    if (this.#runs.length > 0) this.#skipped = place - runs * PACKED_TOGETHER
    else {
      this.#newest = this.#newest.slice(place - runs * PACKED_TOGETHER)
      this.#skipped = 0
    }
  }
}

function packed(entries: readonly LogEntry[]): Run {
  let length = 0
  const ends = entries.map(({ command }) => {
    if (command === null) return null
    length += command.length
    return length
  })
  if (length > PACKED_BYTES_MAX) return entries
  const bytes = new Uint8Array(length)
  let end = 0
  for (const { command } of entries) {
    if (command === null) continue
    bytes.set(command, end)
    end += command.length
  }
  return { terms: entries.map(({ term }) => term), ends, bytes }
}

function entryIn(run: Run, at: number, index: LogIndex): LogEntry | null {
  if (!('terms' in run)) return run[at] ?? null
  const term = run.terms[at]
  if (term === undefined) return null
  const end = run.ends[at] ?? null
  return { term, index, command: end === null ? null : run.bytes.subarray(startOf(run, at), end) }
}

/** The end of the nearest command before it. */
function startOf({ ends }: PackedRun, at: number): number {
  for (let before = at - 1; before >= 0; before--) {
    const end = ends[before] ?? null
    if (end !== null) return end
  }
  return 0
}
