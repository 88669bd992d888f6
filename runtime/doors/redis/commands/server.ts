/** Commands on the server. */
import type { Command } from '../command.ts'
import { matchesGlob } from '../glob.ts'
import { toFloat } from '../numbers.ts'
import { ReplyError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import { REDIS_VERSION } from './connection.ts'
import { byName, type Subcommands } from './container.ts'
import { informationOf } from './information.ts'

const sayOk = (_: Session, __: Args, reply: ReplyWriter) => reply.ok()
const sayNone = (_: Session, __: Args, reply: ReplyWriter) => reply.array(0)

const CONFIG: Subcommands = {
  get: {
    arity: -3,
    now: ({ door }, args, reply) => {
      const patterns = args.texts(2).map((pattern) => pattern.toLowerCase())
      const found = [...door.settings].filter(([name]) =>
        patterns.some((pattern) => matchesGlob(pattern, name)),
      )
      reply.map(found.length)
      for (const [name, value] of found) {
        reply.text(name)
        reply.text(value)
      }
    },
  },
  set: {
    arity: -4,
    now: ({ door }, args, reply) => {
      for (let i = 2; i < args.count; i += 2) {
        const name = args.lower(i)
        const value = door.settings.get(name)
        if (value === undefined)
          throw new ReplyError(`ERR Unknown option or number of arguments for CONFIG SET - '${args.text(i)}'`)
        // Keyspace events are always on: whoever wants some gets them.
        if (name === 'notify-keyspace-events' && i + 1 < args.count) continue
        if (i + 1 >= args.count || value !== args.text(i + 1))
          throw new ReplyError(
            `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`,
          )
      }
      reply.ok()
    },
  },
  resetstat: {
    arity: 2,
    now: ({ door }, _, reply) => {
      door.statistics.reset()
      reply.ok()
    },
  },
  rewrite: {
    arity: 2,
    now: () => {
      throw new ReplyError('ERR The server is running without a config file')
    },
  },
}

const LATENCY: Subcommands = {
  latest: { arity: 2, now: sayNone },
  history: { arity: 3, now: sayNone },
  reset: { arity: -2, now: (_, __, reply) => reply.integer(0) },
  doctor: {
    arity: 2,
    now: (_, __, reply) => reply.verbatim('Latencies are in the metrics of the http door.\n'),
  },
  histogram: { arity: -2, now: (_, __, reply) => reply.map(0) },
}

const SLOWLOG: Subcommands = {
  get: { arity: -2, now: sayNone },
  len: { arity: 2, now: (_, __, reply) => reply.integer(0) },
  reset: { arity: 2, now: sayOk },
}

const NONE_LOADED: Subcommands = {
  list: { arity: -2, now: sayNone },
  flush: { arity: -2, now: sayOk },
}

const LONGEST_SLEEP_S = 10

/** Only the connection that asks sleeps: others are served meanwhile. */
async function debug(_: Session, args: Args) {
  const subcommand = args.upper(1)
  if (subcommand === 'SLEEP' && args.count === 3) {
    const seconds = Math.min(LONGEST_SLEEP_S, Math.max(0, toFloat(args.text(2)) || 0))
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  } else if (subcommand !== 'JMAP') throw new ReplyError(`ERR DEBUG ${args.text(1)} is not known here`)
  return (reply: ReplyWriter) => reply.ok()
}

function role(session: Session, _: Args, reply: ReplyWriter): void {
  const { topology, store, proxies } = session.door
  const led = topology.routes.find((route) => route.isHead)
  if (led === undefined && !proxies) {
    const followed = topology.routes.find((route) => route.isReader)
    const head = followed?.config.members[0]?.server
    const address = head === undefined ? null : topology.addressOf(head)
    reply.array(5)
    reply.text('slave')
    reply.text(address?.host ?? '')
    reply.integer(address?.port ?? 0)
    reply.text(followed === undefined ? 'connect' : 'connected')
    reply.integer(followed === undefined ? -1 : store.committed(followed.chain))
    return
  }
  const replicas =
    led === undefined ? [] : topology.membersOf(led.config).filter((server) => server !== store.id)
  const offset = led === undefined ? 0 : store.committed(led.chain)
  reply.array(3)
  reply.text('master')
  reply.integer(offset)
  reply.array(replicas.length)
  for (const server of replicas) {
    const address = topology.addressOf(server)
    reply.texts([address?.host ?? '', String(address?.port ?? 0), String(offset)])
  }
}

function time({ door }: Session, _: Args, reply: ReplyWriter): void {
  const now = door.wallMs()
  reply.texts([String(Math.floor(now / 1000)), String(Math.floor((now % 1000) * 1000))])
}

const BASE = { flags: ['loading', 'stale'], group: 'server' } as const
const ADMIN = { flags: ['admin', 'noscript', 'loading', 'stale'], group: 'server' } as const

const container = (name: string, summary: string, table: Subcommands): Command => ({
  ...ADMIN,
  name,
  arity: -2,
  summary,
  subcommands: Object.keys(table),
  now: byName(name, table),
})

export const SERVER_COMMANDS: readonly Command[] = [
  {
    ...BASE,
    name: 'info',
    arity: -1,
    summary: 'What the server is and does.',
    now: (session, args, reply) => reply.verbatim(informationOf(session, args.texts(1))),
  },
  { ...BASE, flags: ['loading', 'stale', 'fast'], name: 'time', arity: 1, summary: 'Wall clock.', now: time },
  {
    ...BASE,
    flags: ['loading', 'stale', 'fast'],
    name: 'lastsave',
    arity: 1,
    summary: 'Everything that was acknowledged is on disk: now.',
    now: ({ door }, _, reply) => reply.integer(Math.floor(door.wallMs() / 1000)),
  },
  {
    ...BASE,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    name: 'role',
    arity: 1,
    summary: 'Head or not.',
    now: role,
  },
  {
    ...BASE,
    name: 'lolwut',
    arity: -1,
    summary: 'A chain.',
    now: (_, __, reply) =>
      reply.verbatim(
        `o.                     .o\n  'o.               .o'\n     'o..         ..o'\n         'oooooooo'\n\nCatenary, speaking as Redis ver. ${REDIS_VERSION}\n`,
      ),
  },
  container('config', 'Settings.', CONFIG),
  container('latency', 'None is recorded here.', LATENCY),
  container('slowlog', 'None is kept here.', SLOWLOG),
  container('function', 'There are no functions.', NONE_LOADED),
  container('script', 'There are no scripts.', { flush: { arity: -2, now: sayOk } }),
  container('module', 'There are no modules.', { list: { arity: 2, now: sayNone } }),
  { ...ADMIN, name: 'debug', arity: -2, summary: 'For tests.', task: debug },
]
