/** PUBLISH, SUBSCRIBE and their kin. */
import { asKey } from '../../../../protocol/ids.ts'
import type { Kind } from '../channels.ts'
import { ALL_KEYS, type Command, ONE_KEY } from '../command.ts'
import { matchesGlob } from '../glob.ts'
import { ReplyError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import { byName, type Subcommands } from './container.ts'

/** Of one connection. */
const SUBSCRIPTIONS_MAX = 10_000

function confirm(session: Session, word: string, name: string | null, kind: Kind, reply: ReplyWriter): void {
  const { channels, patterns, shardChannels } = session.subscriptions
  reply.push(3)
  reply.text(word)
  if (name === null) reply.null()
  else reply.text(name)
  reply.integer(kind === 'shardChannels' ? shardChannels.size : channels.size + patterns.size)
}

const subscribe = (name: string, kind: Kind): Command => ({
  name,
  arity: -2,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  group: 'pubsub',
  summary: 'Messages come from here on.',
  now: (session, args, reply) => {
    const { door, subscriptions } = session
    for (const channel of args.texts(1)) {
      if (kind === 'shardChannels') door.routeFor({ readOnly: true }, SHARD_READ, [asKey(channel)])
      if (subscriptions[kind].size >= SUBSCRIPTIONS_MAX && !subscriptions[kind].has(channel))
        throw new ReplyError(`ERR a connection has at most ${SUBSCRIPTIONS_MAX} subscriptions of a kind`)
      door.channels.subscribe(session, kind, channel)
      confirm(session, name, channel, kind, reply)
    }
  },
})

const unsubscribe = (name: string, kind: Kind): Command => ({
  name,
  arity: -1,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  group: 'pubsub',
  summary: 'Messages come no more.',
  now: (session, args, reply) => {
    const names = args.count > 1 ? args.texts(1) : [...session.subscriptions[kind]]
    if (names.length === 0) confirm(session, name, null, kind, reply)
    for (const channel of names) {
      session.door.channels.unsubscribe(session, kind, channel)
      confirm(session, name, channel, kind, reply)
    }
  },
})

/** For routing: a shard's channel belongs to a slot, as a key does. */
const SHARD_READ: Command = {
  name: 'ssubscribe',
  arity: -2,
  flags: ['pubsub'],
  keys: ALL_KEYS,
  group: 'pubsub',
  summary: '',
}

const listed = (kind: Kind) => ({
  arity: -2,
  now: ({ door }: Session, args: Args, reply: ReplyWriter) => {
    const pattern = args.count > 2 ? args.text(2) : '*'
    reply.texts(door.channels.names(kind).filter((name) => matchesGlob(pattern, name)))
  },
})

const counted = (kind: Kind) => ({
  arity: -2,
  now: ({ door }: Session, args: Args, reply: ReplyWriter) => {
    const names = args.texts(2)
    reply.array(2 * names.length)
    for (const name of names) {
      reply.text(name)
      reply.integer(door.channels.count(kind, name))
    }
  },
})

const PUBSUB: Subcommands = {
  channels: listed('channels'),
  shardchannels: listed('shardChannels'),
  numsub: counted('channels'),
  shardnumsub: counted('shardChannels'),
  numpat: { arity: 2, now: ({ door }, _, reply) => reply.integer(door.channels.names('patterns').length) },
}

export const CHANNEL_COMMANDS: readonly Command[] = [
  subscribe('subscribe', 'channels'),
  subscribe('psubscribe', 'patterns'),
  subscribe('ssubscribe', 'shardChannels'),
  unsubscribe('unsubscribe', 'channels'),
  unsubscribe('punsubscribe', 'patterns'),
  unsubscribe('sunsubscribe', 'shardChannels'),
  {
    name: 'publish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    group: 'pubsub',
    summary: 'Tells all who are subscribed, at any server.',
    now: ({ door }, args, reply) =>
      reply.integer(door.channels.publish('channels', args.text(1), args.bytes(2))),
  },
  {
    name: 'spublish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    group: 'pubsub',
    summary: 'Tells all who are subscribed, at any member of the chain of that slot.',
    now: ({ door }, args, reply) => {
      door.routeFor({ readOnly: true }, { ...SHARD_READ, keys: ONE_KEY }, [asKey(args.text(1))])
      reply.integer(door.channels.publish('shardChannels', args.text(1), args.bytes(2)))
    },
  },
  {
    name: 'pubsub',
    arity: -2,
    flags: ['pubsub', 'loading', 'stale'],
    group: 'pubsub',
    summary: 'Who is subscribed here.',
    subcommands: Object.keys(PUBSUB),
    now: byName('pubsub', PUBSUB),
  },
]
