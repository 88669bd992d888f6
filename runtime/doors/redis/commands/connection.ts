/** Commands on the connection itself. */
import { servingMembers } from '../../../../protocol/chain-config.ts'
import { DEFAULT_USER } from '../access.ts'
import type { Answer, Command } from '../command.ts'
import { int64, toInt64 } from '../numbers.ts'
import { ReplyError, syntaxError, wrongArity } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import { isSubscribed, type Session } from '../session.ts'
import { byName, type Subcommands } from './container.ts'
import { scannedRoutes } from './scanning.ts'

/** The Redis whose commands, replies and errors these are. */
export const REDIS_VERSION = '7.0.15'

/** Every connection keeps its own. */
const NAME_BYTES_MAX = 1024
const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?'
const BUSY =
  'ERR this login was not checked: too many of your address are, or this server does not know its users yet; try again in a second'
const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.'

async function login(session: Session, user: string, password: string): Promise<void> {
  const address = session.remote.replace(/:\d+$/, '')
  const result = await session.door.access.login(user, fromUtf8(password), address)
  if (result === 'refused') throw new ReplyError(WRONG_PASSWORD)
  if (result === 'busy') throw new ReplyError(BUSY)
  session.principal = result
}

/** Arguments are bytes; passwords are text. */
const fromUtf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')

async function auth(session: Session, args: Args): Promise<Answer> {
  if (args.count > 3) syntaxError()
  if (args.count === 2 && session.door.access.initial !== null) throw new ReplyError(NO_PASSWORD)
  if (args.count === 2) await login(session, DEFAULT_USER, args.text(1))
  else await login(session, args.text(1), args.text(2))
  return (reply) => reply.ok()
}

async function hello(session: Session, args: Args): Promise<Answer> {
  let protocol: 2 | 3 = session.protocol
  if (args.count > 1) {
    const wanted = toInt64(args.text(1))
    if (wanted === null) throw new ReplyError('ERR Protocol version is not an integer or out of range')
    if (wanted !== 2n && wanted !== 3n) throw new ReplyError('NOPROTO unsupported protocol version')
    protocol = wanted === 3n ? 3 : 2
  }
  let name: string | null = null
  for (let i = 2; i < args.count; i++) {
    const option = args.upper(i)
    if (option === 'AUTH' && i + 2 < args.count) {
      await login(session, args.text(i + 1), args.text(i + 2))
      i += 2
    } else if (option === 'SETNAME' && i + 1 < args.count) {
      i++
      name = clientName(args, i)
    } else throw new ReplyError(`ERR Syntax error in HELLO option '${args.text(i)}'`)
  }
  if (session.principal === null)
    throw new ReplyError(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    )
  if (name !== null) session.name = name
  session.protocol = protocol
  return (reply) => sayHello(session, reply)
}

function sayHello(session: Session, reply: ReplyWriter): void {
  const { leadsAny } = session.door.topology
  reply.protocol = session.protocol
  reply.map(7)
  const texts: [string, string][] = [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
  ]
  for (const [name, value] of texts) {
    reply.text(name)
    reply.text(value)
  }
  reply.text('proto')
  reply.integer(session.protocol)
  reply.text('id')
  reply.integer(session.id)
  reply.text('mode')
  reply.text('cluster')
  reply.text('role')
  reply.text(leadsAny || session.door.proxies ? 'master' : 'replica')
  reply.text('modules')
  reply.array(0)
}

/** @throws {ReplyError} it would not fit into a line of CLIENT LIST. */
function clientName(args: Args, index: number): string {
  const name = args.text(index)
  if (/[^!-~]/.test(name) || name.length > NAME_BYTES_MAX)
    throw new ReplyError('ERR Client names cannot contain spaces, newlines or special characters.')
  return name
}

function describe(session: Session): string {
  const now = performance.now()
  const { channels, patterns, shardChannels } = session.subscriptions
  const fields: Record<string, string | number> = {
    id: session.id,
    addr: session.remote,
    laddr: session.local,
    fd: session.id,
    name: session.name,
    age: Math.floor((now - session.openedMs) / 1000),
    idle: Math.floor((now - session.lastActiveMs) / 1000),
    flags: flagsOf(session),
    db: 0,
    sub: channels.size,
    psub: patterns.size,
    ssub: shardChannels.size,
    multi: session.queuedCount,
    qbuf: session.inputBytes,
    'qbuf-free': 0,
    'argv-mem': 0,
    'multi-mem': 0,
    rbs: 0,
    rbp: 0,
    obl: session.outputBytes,
    oll: 0,
    omem: session.outputBytes,
    'tot-mem': session.inputBytes + session.outputBytes,
    events: 'r',
    cmd: session.lastCommand,
    user: session.principal?.name ?? '(unauthenticated)',
    redir: -1,
    resp: session.protocol,
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function flagsOf(session: Session): string {
  const flags = `${isSubscribed(session) ? 'P' : ''}${session.queuedCount >= 0 ? 'x' : ''}${session.readOnly ? 'r' : ''}`
  return flags === '' ? 'N' : flags
}

function killClients(session: Session, args: Args, reply: ReplyWriter): void {
  const { sessions } = session.door
  if (args.count === 3) {
    const found = [...sessions].find(({ remote }) => remote === args.text(2))
    if (found === undefined) throw new ReplyError('ERR No such client')
    closeSession(session, found)
    return reply.ok()
  }
  if (args.count % 2 !== 0) syntaxError()
  let skipMe = true
  const tests: ((other: Session) => boolean)[] = []
  for (let i = 2; i < args.count; i += 2) {
    const [option, value] = [args.upper(i), args.text(i + 1)]
    if (option === 'ID') {
      const id = toInt64(value)
      if (id === null || id < 1n) throw new ReplyError('ERR client-id should be greater than 0')
      tests.push((other) => BigInt(other.id) === id)
    } else if (option === 'ADDR') tests.push((other) => other.remote === value)
    else if (option === 'LADDR') tests.push((other) => other.local === value)
    else if (option === 'USER') tests.push((other) => other.principal?.name === value)
    else if (option === 'SKIPME' && /^(yes|no)$/i.test(value)) skipMe = /^yes$/i.test(value)
    else if (option === 'TYPE' && /^(normal|master|replica|slave|pubsub)$/i.test(value))
      tests.push(() => /^normal$/i.test(value))
    else syntaxError()
  }
  const found = [...sessions].filter(
    (other) => tests.every((test) => test(other)) && !(skipMe && other === session),
  )
  for (const other of found) closeSession(session, other)
  reply.integer(found.length)
}

/** Who kills itself still hears the answer. */
function closeSession(session: Session, other: Session): void {
  if (other === session) other.end()
  else other.kill()
}

function listClients(session: Session, args: Args, reply: ReplyWriter): void {
  let shown = [...session.door.sessions]
  if (args.count > 2 && args.upper(2) === 'ID') {
    const ids = new Set(Array.from({ length: args.count - 3 }, (_, i) => Number(int64(args, i + 3))))
    shown = shown.filter(({ id }) => ids.has(id))
  } else if (args.count === 4 && args.upper(2) === 'TYPE') {
    if (!/^(normal|master|replica|slave|pubsub)$/i.test(args.text(3)))
      throw new ReplyError(`ERR Unknown client type '${args.text(3)}'`)
    if (!/^normal$/i.test(args.text(3))) shown = []
  } else if (args.count > 2) syntaxError()
  reply.verbatim(shown.map((each) => `${describe(each)}\n`).join(''))
}

const sayOk = (_: Session, __: Args, reply: ReplyWriter) => reply.ok()

const onOff = (_: Session, args: Args, reply: ReplyWriter) => {
  if (!/^(on|off)$/i.test(args.text(2))) syntaxError()
  reply.ok()
}

const CLIENT: Subcommands = {
  id: { arity: 2, now: ({ id }, _, reply) => reply.integer(id) },
  getname: { arity: 2, now: ({ name }, _, reply) => (name === '' ? reply.null() : reply.text(name)) },
  setname: {
    arity: 3,
    now: (session, args, reply) => {
      session.name = clientName(args, 2)
      reply.ok()
    },
  },
  setinfo: {
    arity: 4,
    now: (session, args, reply) => {
      const attribute = args.lower(2)
      if (args.length(3) > NAME_BYTES_MAX) throw new ReplyError('ERR the name is too long')
      if (attribute === 'lib-name') session.library = args.text(3)
      else if (attribute === 'lib-ver') session.libraryVersion = args.text(3)
      else throw new ReplyError(`ERR Unrecognized option '${args.text(2)}'`)
      reply.ok()
    },
  },
  info: { arity: 2, now: (session, _, reply) => reply.verbatim(`${describe(session)}\n`) },
  list: { arity: -2, now: listClients },
  kill: { arity: -3, now: killClients },
  'no-evict': { arity: 3, now: onOff },
  'no-touch': { arity: 3, now: onOff },
  reply: {
    arity: 3,
    now: (_, args, reply) => {
      if (args.upper(2) === 'ON') reply.ok()
      else if (/^(off|skip)$/i.test(args.text(2)))
        throw new ReplyError('ERR CLIENT REPLY: every request is answered here; only ON is known')
      else syntaxError()
    },
  },
  getredir: { arity: 2, now: (_, __, reply) => reply.integer(-1) },
  unblock: { arity: -3, now: (_, __, reply) => reply.integer(0) },
  unpause: { arity: 2, now: sayOk },
}

const SERVED_ALONE =
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.'

/** Every write that was answered is on all members of its chain: there is nothing to wait for. */
function wait(session: Session, args: Args, reply: ReplyWriter): void {
  const [wanted, timeout] = [int64(args, 1), toInt64(args.text(2))]
  if (timeout === null) throw new ReplyError('ERR timeout is not an integer or out of range')
  if (timeout < 0n) throw new ReplyError('ERR timeout is negative')
  void wanted
  const routes = scannedRoutes(session)
  if (routes.length === 0) throw new ReplyError(SERVED_ALONE)
  reply.integer(Math.min(...routes.map(({ config }) => servingMembers(config).length - 1)))
}

const BASE = { flags: ['noscript', 'loading', 'stale', 'fast'], group: 'connection' } as const

export const CONNECTION_COMMANDS: readonly Command[] = [
  {
    ...BASE,
    flags: ['fast'],
    name: 'ping',
    arity: -1,
    summary: 'Is anybody there?',
    now: (session, args, reply) => {
      if (args.count > 2) throw new ReplyError(wrongArity('ping'))
      if (session.protocol === 2 && isSubscribed(session))
        return reply.texts(['pong', args.count === 2 ? args.text(1) : ''])
      if (args.count === 2) reply.bulk(args.bytes(1))
      else reply.simple('PONG')
    },
  },
  {
    ...BASE,
    name: 'echo',
    arity: 2,
    summary: 'Says it again.',
    now: (_, args, reply) => reply.bulk(args.bytes(1)),
  },
  {
    ...BASE,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    name: 'hello',
    arity: -1,
    summary: 'Chooses the protocol.',
    task: hello,
  },
  {
    ...BASE,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    name: 'auth',
    arity: -2,
    summary: 'Logs in.',
    task: auth,
  },
  {
    ...BASE,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    name: 'quit',
    arity: -1,
    summary: 'Ends the connection.',
    now: (session, _, reply) => {
      reply.ok()
      session.end()
    },
  },
  {
    ...BASE,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    name: 'reset',
    arity: 1,
    summary: 'The connection is as it began.',
    now: (session, _, reply) => {
      session.reset()
      reply.protocol = session.protocol
      reply.simple('RESET')
    },
  },
  {
    ...BASE,
    name: 'select',
    arity: 2,
    summary: 'There is one database, 0.',
    now: (_, args, reply) => {
      const index = toInt64(args.text(1))
      if (index === null) throw new ReplyError('ERR value is not an integer or out of range')
      if (index !== 0n) throw new ReplyError('ERR SELECT is not allowed in cluster mode')
      reply.ok()
    },
  },
  {
    ...BASE,
    name: 'client',
    arity: -2,
    summary: 'Connections.',
    subcommands: Object.keys(CLIENT),
    now: byName('client', CLIENT),
  },
  {
    ...BASE,
    flags: ['loading', 'stale', 'fast'],
    group: 'cluster',
    name: 'readonly',
    arity: 1,
    summary: 'Reads may be answered by this replica: they are linearizable all the same.',
    now: (session, _, reply) => {
      session.readOnly = true
      reply.ok()
    },
  },
  {
    ...BASE,
    flags: ['loading', 'stale', 'fast'],
    group: 'cluster',
    name: 'readwrite',
    arity: 1,
    summary: 'Reads go to the head again.',
    now: (session, _, reply) => {
      session.readOnly = false
      reply.ok()
    },
  },
  {
    ...BASE,
    flags: ['fast'],
    group: 'cluster',
    name: 'asking',
    arity: 1,
    summary: 'Slots do not migrate: nothing to ask for.',
    now: sayOk,
  },
  {
    ...BASE,
    flags: ['noscript'],
    group: 'generic',
    name: 'wait',
    arity: 3,
    summary: 'How many other members have all writes of this connection.',
    now: wait,
  },
]
