/**
 * Channels: who is subscribed to what at this server. What is published anywhere is told to all servers, at most once, as Redis Cluster does; nothing is kept. Of keyspace events each
 * server tells its own subscribers, from the changefeed of its own replicas.
 */

import { matchesGlob } from './glob.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Session, Subscriptions } from './session.ts'

/** The three kinds, as `Subscriptions` names them. */
export type Kind = keyof Subscriptions

/** A message on its way to the other servers: its kind, the length of the channel's name, both texts. */
const HEAD_BYTES = 5
const KINDS: readonly Kind[] = ['channels', 'shardChannels']
const EVENTS = '__key'

export class Channels {
  readonly #tellOthers: (body: Uint8Array) => void
  readonly #subscribers: Readonly<Record<Kind, Map<string, Set<Session>>>> = {
    channels: new Map(),
    patterns: new Map(),
    shardChannels: new Map(),
  }
  /** Called whenever somebody may have begun to listen to keyspace events. */
  onEventsWanted: () => void = () => {}

  constructor(tellOthers: (body: Uint8Array) => void) {
    this.#tellOthers = tellOthers
  }

  subscribe(session: Session, kind: Kind, name: string): void {
    session.subscriptions[kind].add(name)
    const map = this.#subscribers[kind]
    const sessions = map.get(name)
    if (sessions === undefined) map.set(name, new Set([session]))
    else sessions.add(session)
    if (this.eventsWanted) this.onEventsWanted()
  }

  unsubscribe(session: Session, kind: Kind, name: string): void {
    session.subscriptions[kind].delete(name)
    const sessions = this.#subscribers[kind].get(name)
    sessions?.delete(session)
    if (sessions?.size === 0) this.#subscribers[kind].delete(name)
  }

  forget(session: Session): void {
    for (const kind of ['channels', 'patterns', 'shardChannels'] as const)
      for (const name of session.subscriptions[kind]) this.unsubscribe(session, kind, name)
  }

  /** Whether anybody here hears of keyspace events. */
  get eventsWanted(): boolean {
    const { channels, patterns } = this.#subscribers
    for (const name of channels.keys()) if (name.startsWith(EVENTS)) return true
    for (const name of patterns.keys()) if (name.startsWith(EVENTS) || /^[*?[\\]/.test(name)) return true
    return false
  }

  /** @returns how many heard it here. */
  publish(kind: 'channels' | 'shardChannels', channel: string, message: Uint8Array): number {
    const body = new Uint8Array(HEAD_BYTES + channel.length + message.length)
    body[0] = KINDS.indexOf(kind)
    new DataView(body.buffer).setUint32(1, channel.length)
    for (let i = 0; i < channel.length; i++) body[HEAD_BYTES + i] = channel.charCodeAt(i)
    body.set(message, HEAD_BYTES + channel.length)
    this.#tellOthers(body)
    return this.tell(kind, channel, message)
  }

  /** What another server says. */
  onTold(body: Uint8Array): void {
    const kind = KINDS[body[0] ?? -1]
    if (kind === undefined || body.length < HEAD_BYTES) return
    const length = new DataView(body.buffer, body.byteOffset).getUint32(1)
    const name = Buffer.from(
      body.buffer,
      body.byteOffset + HEAD_BYTES,
      Math.min(length, body.length - HEAD_BYTES),
    )
    this.tell(
      kind === 'channels' ? 'channels' : 'shardChannels',
      name.toString('latin1'),
      body.subarray(HEAD_BYTES + name.length),
    )
  }

  /** @returns how many heard it. */
  tell(kind: 'channels' | 'shardChannels', channel: string, message: Uint8Array): number {
    let count = 0
    const word = kind === 'channels' ? 'message' : 'smessage'
    for (const session of this.#subscribers[kind].get(channel) ?? []) {
      session.say((reply) => sayMessage(reply, [word, channel], message))
      count++
    }
    if (kind === 'shardChannels') return count
    for (const [pattern, sessions] of this.#subscribers.patterns) {
      if (!matchesGlob(pattern, channel)) continue
      for (const session of sessions) {
        session.say((reply) => sayMessage(reply, ['pmessage', pattern, channel], message))
        count++
      }
    }
    return count
  }

  names(kind: Kind): string[] {
    return [...this.#subscribers[kind].keys()]
  }

  count(kind: Kind, name: string): number {
    return this.#subscribers[kind].get(name)?.size ?? 0
  }
}

function sayMessage(reply: ReplyWriter, words: readonly string[], message: Uint8Array): void {
  reply.push(words.length + 1)
  for (const word of words) reply.text(word)
  reply.bulk(message)
}
