import type { NatsConnection } from 'nats'
import { encodeMessage } from './nats-envelope.ts'
import { NatsInbox } from './nats-inbox.ts'

export interface NatsGroupsOptions {
  readonly connection: NatsConnection
  readonly self: string
  readonly cluster: string
  readonly frameBytesMax: number
  readonly onBody: (from: string, body: Uint8Array) => void
  readonly onProtocolError: (reason: string) => void
}

interface OwnStream {
  readonly life: number
  nextId: number
}

/**
 * Messages to many: a subject per group, which the broker multiplies. In no order with what goes to single nodes, and what is lost is lost without a word, so what they say must
 * stand for itself.
 */
export class NatsGroups {
  readonly #options: NatsGroupsOptions
  readonly #inboxes = new Map<string, NatsInbox>()
  readonly #own = new Map<string, OwnStream>()

  constructor(options: NatsGroupsOptions) {
    this.#options = options
  }

  /** Hears a group from here on, but for what this node says itself. */
  join(group: string, guard: (run: () => void) => void): void {
    if (this.#inboxes.has(group)) return
    const { connection, self, frameBytesMax, onBody, onProtocolError } = this.#options
    const inbox = new NatsInbox(frameBytesMax, {
      onBody: (from, body) => {
        if (from !== self) onBody(from, body)
      },
      onUp: () => {},
      onDown: () => {},
      onProtocolError,
    })
    this.#inboxes.set(group, inbox)
    connection.subscribe(this.#subjectOf(group), {
      callback: (error, message) =>
        guard(() => {
          if (error !== null) onProtocolError(error.message)
          else inbox.accept(message.data, performance.now())
        }),
    })
  }

  /** @returns how many bytes the broker was given. */
  publish(group: string, body: Uint8Array, payloadBytesMax: number): number {
    const own = this.#own.get(group) ?? {
      life: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
      nextId: 0,
    }
    this.#own.set(group, own)
    const head = { from: this.#options.self, life: own.life, id: own.nextId++ }
    let bytes = 0
    for (const envelope of encodeMessage(head, body, payloadBytesMax)) {
      bytes += envelope.length
      this.#options.connection.publish(this.#subjectOf(group), envelope)
    }
    return bytes
  }

  sweep(nowMs: number): void {
    for (const inbox of this.#inboxes.values()) inbox.sweep(nowMs)
  }

  #subjectOf(group: string): string {
    return `catenary.${this.#options.cluster}.group.${group}`
  }
}
