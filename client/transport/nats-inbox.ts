import { FrameError } from '../../protocol/frame.ts'
import { isNodeId } from '../../protocol/transport.ts'
import { decodeEnvelope, type Envelope } from './nats-envelope.ts'

/** Earlier lives of a stream that are remembered, so that their late messages are known as such. */
const RETIRED_MAX = 8
/** A sender that has been silent for this long is forgotten. */
const FORGET_MS = 10 * 60_000
/** A message whose next fragment has not come for this long will not become whole. */
const PARTIAL_MS = 30_000

export interface InboxEvents {
  onBody(from: string, body: Uint8Array): void
  onUp(from: string): void
  /** @param left - the sender has said that it leaves. */
  onDown(from: string, reason: string, left: boolean): void
  onProtocolError(reason: string): void
}

interface Partial {
  readonly id: number
  readonly count: number
  readonly fragments: Uint8Array[]
  bytes: number
}

interface Sender {
  life: number
  readonly retired: number[]
  /** The id expected next. */
  next: number
  /** The owner knows that this stream has been interrupted: its next message, whatever its number, starts it again. */
  interrupted: boolean
  partial: Partial | null
  heardMs: number
}

/**
 * Turns envelopes of many senders, as a broker delivers them, into bodies: in order, none twice, with `onDown` before whatever
 * follows a loss. Pure: time arrives as an argument.
 */
export class NatsInbox {
  readonly #senders = new Map<string, Sender>()
  readonly #frameBytesMax: number
  readonly #events: InboxEvents
  #partialBytes = 0

  constructor(frameBytesMax: number, events: InboxEvents) {
    this.#frameBytesMax = frameBytesMax
    this.#events = events
  }

  accept(bytes: Uint8Array, nowMs: number): void {
    try {
      const envelope = decodeEnvelope(bytes)
      const sender = this.#senders.get(envelope.from) ?? this.#meet(envelope)
      sender.heardMs = nowMs
      if (envelope.index > 0) this.#onFollower(sender, envelope)
      else this.#onFirst(sender, envelope)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#events.onProtocolError(error.message)
    }
  }

  #meet({ from, life }: Envelope): Sender {
    if (!isNodeId(from)) throw new FrameError(`bad sender ${JSON.stringify(from)}`)
    // A stream that is not new to us alone has been interrupted, but we owe nobody a report: its `next` says so.
    const sender: Sender = { life, retired: [], next: 0, interrupted: false, partial: null, heardMs: 0 }
    this.#senders.set(from, sender)
    this.#events.onUp(from)
    return sender
  }

  #onFirst(sender: Sender, envelope: Envelope): void {
    const { from, life, id } = envelope
    if (life !== sender.life && sender.retired.includes(life)) return // late: a newer life has been heard
    if (life === sender.life && id < sender.next) return // late, or a second copy
    if (envelope.bye) {
      this.#forget(from, sender)
      this.#events.onDown(from, 'it has left', true)
      return
    }
    this.#noteLoss(sender, envelope)
    sender.next = id + 1
    if (envelope.count === 1) this.#deliver(sender, from, envelope.fragment)
    else this.#start(sender, envelope)
  }

  /** Says once that something is missing before this message, and starts the sender's new life where it has one. */
  #noteLoss(sender: Sender, { from, life, id }: Envelope): void {
    const restarted = life !== sender.life
    const lost = restarted || id !== sender.next || sender.partial !== null
    if (sender.partial !== null) this.#dropPartial(sender)
    if (restarted) {
      sender.retired.push(sender.life)
      if (sender.retired.length > RETIRED_MAX) sender.retired.shift()
      sender.life = life
    }
    if (sender.interrupted) this.#events.onUp(from)
    else if (lost) this.#events.onDown(from, restarted ? 'it began anew' : 'messages were lost', false)
    sender.interrupted = false
  }

  #start(sender: Sender, { from, id, count, fragment }: Envelope): void {
    sender.partial = { id, count, fragments: [], bytes: 0 }
    this.#add(sender, sender.partial, from, fragment)
  }

  #onFollower(sender: Sender, { from, life, id, index, count, fragment }: Envelope): void {
    const partial = sender.partial
    if (partial === null || life !== sender.life || id !== partial.id || index !== partial.fragments.length)
      return
    if (!this.#add(sender, partial, from, fragment) || index + 1 < count) return
    this.#dropPartial(sender)
    this.#deliver(sender, from, join(partial))
  }

  /** False where the message exceeds its bound; it is given up, and its remaining fragments find nothing to join. */
  #add(sender: Sender, partial: Partial, from: string, fragment: Uint8Array): boolean {
    partial.fragments.push(fragment)
    partial.bytes += fragment.length
    this.#partialBytes += fragment.length
    if (partial.bytes <= this.#frameBytesMax && this.#partialBytes <= 4 * this.#frameBytesMax) return true
    this.#loseMessage(from, sender, 'a message was too large')
    return false
  }

  #deliver(sender: Sender, from: string, body: Uint8Array): void {
    try {
      this.#events.onBody(from, body)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#events.onProtocolError(`${from}: ${error.message}`)
      this.#loseMessage(from, sender, 'it sent a malformed body')
    }
  }

  /** Gives up the message being joined: what follows it comes after a break. */
  #loseMessage(from: string, sender: Sender, reason: string): void {
    this.#dropPartial(sender)
    sender.interrupted = true
    this.#events.onDown(from, reason, false)
  }

  #dropPartial(sender: Sender): void {
    this.#partialBytes -= sender.partial?.bytes ?? 0
    sender.partial = null
  }

  #forget(from: string, sender: Sender): void {
    this.#dropPartial(sender)
    this.#senders.delete(from)
  }

  /** The own connection broke: every stream is interrupted. Returns whose. */
  interrupt(): string[] {
    for (const sender of this.#senders.values()) {
      this.#dropPartial(sender)
      sender.interrupted = true
    }
    return [...this.#senders.keys()]
  }

  /** Gives up messages that will not become whole, and senders that have long been silent. */
  sweep(nowMs: number): void {
    for (const [from, sender] of this.#senders) {
      if (nowMs - sender.heardMs > FORGET_MS) this.#forget(from, sender)
      else if (sender.partial !== null && nowMs - sender.heardMs > PARTIAL_MS) {
        this.#loseMessage(from, sender, 'the rest of a message did not come')
      }
    }
  }
}

function join(partial: Partial): Uint8Array {
  const body = new Uint8Array(partial.bytes)
  let at = 0
  for (const fragment of partial.fragments) {
    body.set(fragment, at)
    at += fragment.length
  }
  return body
}
