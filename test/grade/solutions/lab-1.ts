/** Chain replication (van Renesse & Schneider 2004, §2), for a chain whose members do not die. */
import type { Config, CreateReplica, Out, StudentReplica } from '../../../lab/grade/contract.ts'

interface Entry {
  readonly request: number
  readonly key: string
  readonly value: string
}

export const MUTANTS = ['head-answers', 'middle-keeps', 'overtaking', 'tail-stores-nothing'] as const
type Mutant = (typeof MUTANTS)[number] | null

export const solution =
  (mutant: Mutant): CreateReplica =>
  (self, out) =>
    new Replica(self, out, mutant)

class Replica implements StudentReplica {
  readonly #self: string
  readonly #out: Out
  readonly #mutant: Mutant
  readonly #entries: Entry[] = []
  readonly #store = new Map<string, string>()
  #members: readonly string[] = []
  #kept: Entry | null = null

  constructor(self: string, out: Out, mutant: Mutant) {
    this.#self = self
    this.#out = out
    this.#mutant = mutant
  }

  onConfig({ members }: Config): void {
    this.#members = members
  }

  onPut(request: number, key: string, value: string): void {
    this.#take({ request, key, value })
    if (this.#mutant === 'head-answers') this.#out.reply(request, null)
  }

  onGet(request: number, key: string): void {
    this.#out.reply(request, this.#store.get(key) ?? null)
  }

  onMessage(_from: string, message: unknown): void {
    this.#take(message as Entry)
  }

  log(): readonly number[] {
    return this.#entries.map(({ request }) => request)
  }

  #take(entry: Entry): void {
    this.#entries.push(entry)
    const successor = this.#members[this.#members.indexOf(this.#self) + 1]
    if (this.#mutant !== 'tail-stores-nothing' || successor !== undefined)
      this.#store.set(entry.key, entry.value)
    if (successor !== undefined) this.#forward(successor, entry)
    else if (this.#mutant !== 'head-answers') this.#out.reply(entry.request, null)
  }

  #forward(successor: string, entry: Entry): void {
    if (this.#mutant === 'middle-keeps' && this.#self !== this.#members[0]) return
    if (this.#mutant === 'overtaking' && this.#kept === null && this.#entries.length === 1) {
      this.#kept = entry
      return
    }
    this.#out.send(successor, entry)
    if (this.#kept !== null) this.#out.send(successor, this.#kept)
    this.#kept = null
  }
}
