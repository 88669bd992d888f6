/** Members die, another joins (Chain Replication §3). On every new configuration each link begins with all that the upper one holds. */
import type { Config, CreateReplica, Out, StudentReplica } from '../../../lab/grade/contract.ts'

interface Entry {
  readonly request: number
  readonly key: string
  readonly value: string
}

type Message = { readonly epoch: number } & (
  | { readonly type: 'sync'; readonly entries: readonly Entry[] }
  | { readonly type: 'append'; readonly entry: Entry }
  | { readonly type: 'ack'; readonly length: number }
)

export const MUTANTS = [
  'no-resend',
  'serves-before-handoff',
  'new-tail-silent',
  'no-fence',
  'never-caught-up',
] as const
type Mutant = (typeof MUTANTS)[number] | null

export const solution =
  (mutant: Mutant): CreateReplica =>
  (self, out) =>
    new Replica(self, out, mutant)

class Replica implements StudentReplica {
  readonly #self: string
  readonly #out: Out
  readonly #mutant: Mutant
  #entries: Entry[] = []
  #config: Config = { epoch: 0, members: [], joining: null }
  /** Of this epoch: its predecessor has handed over all that it held. */
  #ready = false
  /** From those that have heard of an epoch before us. */
  #early: { readonly from: string; readonly message: Message }[] = []
  /** At the head: which put waits for which length to be acknowledged. */
  #waiting: { readonly length: number; readonly request: number }[] = []

  constructor(self: string, out: Out, mutant: Mutant) {
    this.#self = self
    this.#out = out
    this.#mutant = mutant
  }

  onConfig(config: Config): void {
    this.#config = config
    this.#ready = false
    const servesAtOnce = this.#mutant === 'serves-before-handoff' && this.#isTail
    if (config.members[0] === this.#self || servesAtOnce) this.#becomeReady()
    const early = this.#early
    this.#early = []
    for (const { from, message } of early) this.onMessage(from, message)
  }

  onPut(request: number, key: string, value: string): void {
    if (this.#config.members[0] !== this.#self) return this.#out.refuse(request)
    this.#waiting.push({ length: this.#entries.length + 1, request })
    this.#take({ request, key, value })
  }

  onGet(request: number, key: string): void {
    if (!this.#isTail || !this.#ready) return this.#out.refuse(request)
    this.#out.reply(request, this.#entries.findLast((entry) => entry.key === key)?.value ?? null)
  }

  onMessage(from: string, sent: unknown): void {
    const message = sent as Message
    if (message.epoch > this.#config.epoch) return void this.#early.push({ from, message })
    if (message.epoch < this.#config.epoch && this.#mutant !== 'no-fence') return
    switch (message.type) {
      case 'append':
        return this.#take(message.entry)
      case 'ack':
        return this.#acked(message.length)
      case 'sync':
        if (this.#mutant !== 'no-resend' || this.#entries.length === 0) this.#entries = [...message.entries]
        return this.#becomeReady()
    }
  }

  log(): readonly number[] {
    return this.#entries.map(({ request }) => request)
  }

  get #isTail(): boolean {
    return this.#config.members.at(-1) === this.#self
  }

  /** The successor; below the tail, the joiner. */
  get #below(): string | undefined {
    const { members, joining } = this.#config
    const at = members.indexOf(this.#self)
    return at < 0 ? undefined : (members[at + 1] ?? joining ?? undefined)
  }

  #becomeReady(): void {
    this.#ready = true
    const { epoch, joining } = this.#config
    this.#send(this.#below, { epoch, type: 'sync', entries: this.#entries })
    if (joining === this.#self && this.#mutant !== 'never-caught-up') this.#out.caughtUp(epoch)
    // What the dead tail can have acknowledged is all here.
    if (this.#isTail && this.#mutant !== 'new-tail-silent') this.#acked(this.#entries.length)
  }

  #take(entry: Entry): void {
    this.#entries.push(entry)
    this.#send(this.#below, { epoch: this.#config.epoch, type: 'append', entry })
    if (this.#isTail) this.#acked(this.#entries.length)
  }

  #acked(length: number): void {
    for (const { request } of this.#waiting.filter((put) => put.length <= length))
      this.#out.reply(request, null)
    this.#waiting = this.#waiting.filter((put) => put.length > length)
    const { members, epoch } = this.#config
    this.#send(members[members.indexOf(this.#self) - 1], { epoch, type: 'ack', length })
  }

  #send(to: string | undefined, message: Message): void {
    if (to !== undefined) this.#out.send(to, message)
  }
}
