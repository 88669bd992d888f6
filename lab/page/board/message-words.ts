/** What a message on its way is called, and what is in it, in words. */

import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import { decodeCommand } from '../../../coordinator/znodes/command.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import type { Batch } from '../../../protocol/codec/batch.ts'
import type { PeerBody, PeerMessage } from '../../../runtime/coordinator/peer-messages.ts'
import type { ParcelSight } from '../../simulator/kernel/parcel.ts'
import { entryText, valueText } from './value-text.ts'
import type { FieldView, Plane } from './view.ts'
import { zookeeperFields, zookeeperWords } from './zookeeper-words.ts'

/** A message in short. */
export interface MessageWords {
  readonly plane: Plane
  readonly kind: string
  readonly label: string
  readonly routine: boolean
}

const NAMES_MAX = 3

/** Puts messages into words as they are sent. Remembers what each link said last: what says the same again is routine. */
export class MessageTeller {
  readonly #said = new Map<string, string>()

  /** In the order of sending, once each. */
  tell(parcel: ParcelSight): MessageWords {
    const { from, to, door, body } = parcel
    if (door === 'client') return { plane: 'zookeeper', ...zookeeperWords(parcel) }
    if (door === 'peer') {
      const words = (body as PeerBody).messages.map((message) => this.#peerWords(`${from}>${to}`, message))
      return joined('raft', words)
    }
    const batch = body as Batch
    if (batch.type === 'chain') {
      const words = batch.items.map(({ chain, message }) =>
        this.#chainWords(`${from}>${to}/${chain}`, message),
      )
      return joined('chain', words)
    }
    return joined(
      'client',
      batch.messages.map((message) => clientWords(message)),
    )
  }

  #isNews(place: string, what: string): boolean {
    if (this.#said.get(place) === what) return false
    this.#said.set(place, what)
    return true
  }

  #chainWords(place: string, message: ChainMessage): Words {
    const { type } = message
    if (type === 'append') {
      const news = this.#isNews(`${place} append`, `${message.upstreamDurable} ${message.commit}`)
      const [first, last] = [message.entries[0]?.seq, message.entries.at(-1)?.seq]
      if (first !== undefined)
        return { kind: type, label: `append ${first === last ? first : `${first}..${last}`}`, routine: false }
      return { kind: type, label: `append, durable ${message.upstreamDurable}`, routine: !news }
    }
    if (type === 'ack') {
      const news = this.#isNews(`${place} ack`, `${message.commit} ${message.received}`)
      return { kind: type, label: `ack ${message.commit}`, routine: !news }
    }
    if (type === 'version-reply') return words(type, `version-reply ${message.commit ?? 'none'}`)
    if (type === 'config') return words(type, `config ${message.config.epoch}`)
    return words(type, type)
  }

  #peerWords(place: string, message: PeerMessage): Words {
    if (message.type === 'heard') return { kind: 'heard', label: 'heard', routine: true }
    if (message.type === 'forward') return words('forward', `forward ${commandText(message.command)}`)
    if (message.type === 'rejected') return words('rejected', 'rejected')
    return this.#raftWords(place, message.message)
  }

  #raftWords(place: string, message: RaftMessage): Words {
    const { type, term } = message
    switch (type) {
      case 'append-entries': {
        const [first, last] = [message.entries[0]?.index, message.entries.at(-1)?.index]
        const news = this.#isNews(`${place} append`, `${term} ${message.commit}`)
        if (first !== undefined)
          return words(type, `append ${first === last ? first : `${first}..${last}`} term ${term}`)
        return { kind: type, label: `heartbeat commit ${message.commit}`, routine: !news }
      }
      case 'append-reply': {
        const { outcome } = message
        if (outcome.type === 'conflict') return words(type, `conflict at ${outcome.prevIndex}`)
        const news = this.#isNews(`${place} reply`, `${term} ${outcome.index}`)
        return { kind: type, label: `matched ${outcome.index}`, routine: !news }
      }
      case 'vote-reply':
      case 'pre-vote-reply':
        return words(type, `${type} ${message.granted ? 'yes' : 'no'}`)
      case 'snapshot-chunk':
        return words(type, `snapshot up to ${message.meta.lastIndex}`)
      default:
        return words(type, `${type} term ${term}`)
    }
  }
}

type Words = Omit<MessageWords, 'plane'>

const words = (kind: string, label: string): Words => ({ kind, label, routine: false })

function clientWords(message: ClientMessage | ServerMessage): Words {
  const { type } = message
  if (type === 'write' || type === 'read') {
    const { command } = message
    const key = 'key' in command ? ` ${command.key}` : 'keys' in command ? ` ${command.keys.join(' ')}` : ''
    return words(type, `${command.type}${key}`)
  }
  if (type === 'failed') return words(type, message.failure.code)
  return { kind: type, label: type, routine: type === 'map-request' || type === 'map-reply' }
}

function joined(plane: Plane, all: readonly Words[]): MessageWords {
  const telling = all.filter(({ routine }) => !routine)
  const shown = telling.length > 0 ? telling : all.slice(0, 1)
  const more = shown.length - NAMES_MAX
  const label = shown.slice(0, NAMES_MAX).map((one) => one.label)
  return {
    plane,
    kind: shown[0]?.kind ?? 'empty',
    label: more > 0 ? `${label.join(', ')} and ${more} more` : label.join(', '),
    routine: telling.length === 0,
  }
}

export function commandText(command: Uint8Array | null): string {
  if (command === null) return 'no-op'
  try {
    const { op } = decodeCommand(command)
    return 'path' in op ? `${op.type} ${op.path}` : op.type
  } catch {
    return 'members'
  }
}

// Fields, for who looks closer.

export function fieldsOf({ door, body, ...parcel }: ParcelSight): readonly FieldView[] {
  if (door === 'client') return zookeeperFields({ door, body, ...parcel })
  const messages: readonly object[] =
    door === 'peer'
      ? (body as PeerBody).messages.map((message) => (message.type === 'raft' ? message.message : message))
      : (body as Batch).type === 'chain'
        ? (body as Extract<Batch, { type: 'chain' }>).items.map(({ chain, message }) => ({
            chain,
            ...message,
          }))
        : (body as Extract<Batch, { type: 'client' | 'server' }>).messages
  return messages.flatMap((message, i) => fields(message, messages.length > 1 ? `${i + 1}. ` : ''))
}

const fields = (message: object, before: string): FieldView[] =>
  Object.entries(message).map(([name, value]) => ({
    name: before + name,
    value:
      name === 'entries' && Array.isArray(value)
        ? value.map((entry) => ('seq' in entry ? entryText(entry) : commandText(entry.command))).join(', ')
        : valueText(value),
  }))
