/** CRAQ's reads (CRAQ §2.3): any replica answers; a dirty one asks the tail which version is committed. */
import type { Config, CreateReplica, Out, StudentReplica } from '../../../lab/grade/contract.ts'

interface Entry {
  readonly seq: number
  readonly request: number
  readonly key: string
  readonly value: string
}

type Message =
  | { readonly type: 'append'; readonly entry: Entry }
  | { readonly type: 'ack'; readonly seq: number }
  | { readonly type: 'version-query'; readonly request: number; readonly key: string }
  | {
      readonly type: 'version-reply'
      readonly request: number
      readonly key: string
      readonly commit: number
    }

export const MUTANTS = ['newest', 'old-clean', 'always-ask', 'no-ack', 'newest-after-asking'] as const
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
  #members: readonly string[] = []
  #commit = 0

  constructor(self: string, out: Out, mutant: Mutant) {
    this.#self = self
    this.#out = out
    this.#mutant = mutant
  }

  onConfig({ members }: Config): void {
    this.#members = members
  }

  onPut(request: number, key: string, value: string): void {
    this.#take({ seq: this.#entries.length + 1, request, key, value })
  }

  onGet(request: number, key: string): void {
    const newest = this.#newest(key, Number.POSITIVE_INFINITY)
    const isDirty = (newest?.seq ?? 0) > this.#commit
    const mustAsk = isDirty || this.#mutant === 'always-ask'
    if (this.#isTail || !mustAsk || this.#mutant === 'newest')
      return this.#out.reply(request, newest?.value ?? null)
    if (this.#mutant === 'old-clean')
      return this.#out.reply(request, this.#newest(key, this.#commit)?.value ?? null)
    this.#send(this.#members.at(-1), { type: 'version-query', request, key })
  }

  onMessage(from: string, sent: unknown): void {
    const message = sent as Message
    switch (message.type) {
      case 'append':
        return this.#take(message.entry)
      case 'ack':
        return this.#committed(message.seq)
      case 'version-query':
        return this.#send(from, { ...message, type: 'version-reply', commit: this.#commit })
      case 'version-reply': {
        const { request, key, commit } = message
        const upTo = this.#mutant === 'newest-after-asking' ? Number.POSITIVE_INFINITY : commit
        return this.#out.reply(request, this.#newest(key, upTo)?.value ?? null)
      }
    }
  }

  log(): readonly number[] {
    return this.#entries.map(({ request }) => request)
  }

  get #isTail(): boolean {
    return this.#members.at(-1) === this.#self
  }

  #take(entry: Entry): void {
    this.#entries.push(entry)
    if (!this.#isTail) return this.#send(this.#neighbour(1), { type: 'append', entry })
    this.#out.reply(entry.request, null)
    this.#committed(entry.seq)
  }

  #committed(seq: number): void {
    this.#commit = seq
    if (this.#mutant !== 'no-ack') this.#send(this.#neighbour(-1), { type: 'ack', seq })
  }

  #newest = (key: string, upTo: number): Entry | undefined =>
    this.#entries.findLast((entry) => entry.key === key && entry.seq <= upTo)

  #neighbour = (step: number): string | undefined => this.#members[this.#members.indexOf(this.#self) + step]

  #send(to: string | undefined, message: Message): void {
    if (to !== undefined) this.#out.send(to, message)
  }
}
