import { asReadId, type ReadId } from '../../coordinator/raft/ids.ts'
import type { ReadCommand } from '../../protocol/commands.ts'
import type { Millis, RequestId } from '../../protocol/ids.ts'
import { READ_GIVE_UP_MS } from './limits.ts'

export interface WaitingRead {
  readonly request: RequestId
  readonly command: ReadCommand
  readonly since: Millis
}

/** Strong reads on their way to an index: those of one turn ask as one, and the core lets those of several turns share a round. */
export class ReadRounds {
  /** Of this turn, and those that were refused. */
  #gathered: WaitingRead[] = []
  #refused: WaitingRead[] = []
  readonly #asked = new Map<ReadId, readonly WaitingRead[]>()
  #askedCount = 0
  #ids = 0

  get count(): number {
    return this.#gathered.length + this.#refused.length + this.#askedCount
  }

  add(read: WaitingRead): void {
    this.#gathered.push(read)
  }

  /** The turn ends: the question for the core, if there is one. */
  ask(): ReadId | null {
    if (this.#gathered.length === 0) return null
    const id = asReadId(++this.#ids)
    this.#asked.set(id, this.#gathered)
    this.#askedCount += this.#gathered.length
    this.#gathered = []
    return id
  }

  /** Reads that may be answered now. */
  ready(id: ReadId): readonly WaitingRead[] {
    const reads = this.#asked.get(id) ?? []
    this.#asked.delete(id)
    this.#askedCount -= reads.length
    return reads
  }

  /** No leader confirmed it: asked again at the next tick. */
  refused(id: ReadId): void {
    this.#refused.push(...this.ready(id))
  }

  /** @returns those that have waited for too long, to be refused. Those that nobody waits for any more are forgotten. */
  retry(nowMs: Millis, isWanted: (request: RequestId) => boolean): WaitingRead[] {
    if (this.#refused.length === 0) return []
    const wanted = this.#refused.filter(({ request }) => isWanted(request))
    this.#refused = []
    const isLate = ({ since }: WaitingRead) => nowMs - since >= READ_GIVE_UP_MS
    this.#gathered.push(...wanted.filter((read) => !isLate(read)))
    return wanted.filter(isLate)
  }

  /** All of them: nothing is answered any more. */
  takeAll(): WaitingRead[] {
    const all = [...this.#gathered, ...this.#refused, ...[...this.#asked.values()].flat()]
    this.#gathered = []
    this.#refused = []
    this.#asked.clear()
    this.#askedCount = 0
    return all
  }
}
