/** Commands that look through all keys of a server: of the chains that it leads; of a replica, of those that it follows. */
import { asKey, type Key } from '../../../../protocol/ids.ts'
import { slotOf } from '../../../../protocol/slots.ts'
import type { Answer, Command } from '../command.ts'
import type { Place } from '../cursors.ts'
import { matchesGlob, prefixOf } from '../glob.ts'
import { integer, toInt64 } from '../numbers.ts'
import { maySee } from '../permissions.ts'
import { ReplyError, syntaxError } from '../reply-error.ts'
import type { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import { LIMITS } from '../settings.ts'
import { Slice } from '../slice.ts'
import type { Route } from '../topology.ts'

const PAGE_KEYS = 1000
const DELETE_KEYS = 500
const COUNT = 10
const NO_PREFIX = asKey('')
/** What KEYS may answer at most. */
const KEYS_BYTES_MAX = LIMITS.outputBytesMax / 2

/** In order of their names. */
export function scannedRoutes({ door, readOnly }: Pick<Session, 'door' | 'readOnly'>): Route[] {
  const { routes, leadsAny } = door.topology
  const led = routes.filter((route) => door.proxies || route.isHead)
  const shown = !leadsAny && !door.proxies && readOnly ? routes.filter((route) => route.isReader) : led
  return [...shown].sort((a, b) => (a.chain < b.chain ? -1 : 1))
}

interface Page {
  readonly keys: readonly Key[]
  readonly more: boolean
}

async function pageOf(
  session: Session,
  route: Route,
  after: Key | null,
  options: { prefix: Key; limit: number },
) {
  const result = await session.door.read(route.chain, { type: 'scan', after, ...options })
  const page: Page = result.type === 'page' ? result : { keys: [], more: false }
  return page
}

/** Every key, page by page. */
async function* everyKey(session: Session, prefix: Key): AsyncGenerator<Key> {
  const slice = new Slice()
  for (const route of scannedRoutes(session)) {
    let after: Key | null = null
    for (let more = true; more; ) {
      if (slice.isOver) await slice.pause()
      const page: Page = await pageOf(session, route, after, { prefix, limit: PAGE_KEYS })
      yield* page.keys
      after = page.keys.at(-1) ?? null
      more = page.more && after !== null
    }
  }
}

async function keys(session: Session, args: Args): Promise<Answer> {
  const pattern = patternAt(args, 1)
  const slice = new Slice()
  const found: Key[] = []
  let bytes = 0
  for await (const key of everyKey(session, asKey(prefixOf(pattern)))) {
    if (slice.isOver) await slice.pause()
    if (!matchesGlob(pattern, key) || !maySee(session.principal, key)) continue
    found.push(key)
    bytes += key.length + 16
    if (bytes > KEYS_BYTES_MAX) throw new ReplyError('ERR too many keys for one reply; use SCAN')
  }
  return (reply) => reply.texts(found)
}

/** With a key it costs the product of both lengths. */
const PATTERN_BYTES_MAX = 1024

function patternAt(args: Args, index: number): string {
  if (args.length(index) <= PATTERN_BYTES_MAX) return args.text(index)
  throw new ReplyError(`ERR the pattern has more than ${PATTERN_BYTES_MAX} bytes`)
}

interface ScanOptions {
  readonly pattern: string | null
  readonly count: number
  readonly type: string | null
}

function scanOptions(args: Args): ScanOptions {
  let [pattern, count, type]: [string | null, number, string | null] = [null, COUNT, null]
  for (let i = 2; i < args.count; i += 2) {
    const option = args.upper(i)
    if (i + 1 >= args.count) syntaxError()
    if (option === 'COUNT') {
      count = integer(args, i + 1)
      if (count < 1) syntaxError()
    } else if (option === 'MATCH') pattern = patternAt(args, i + 1)
    else if (option === 'TYPE') type = args.lower(i + 1)
    else syntaxError()
  }
  return { pattern, count, type }
}

async function scan(session: Session, args: Args): Promise<Answer> {
  const { door } = session
  const cursor = args.text(1)
  if (!/^\d{1,20}$/.test(cursor) || BigInt(cursor) >= 2n ** 64n) throw new ReplyError('ERR invalid cursor')
  const { pattern, count, type } = scanOptions(args)
  const routes = scannedRoutes(session)
  const [first] = routes
  const start: Place | null = first === undefined ? null : { chain: first.chain, after: null }
  const place = cursor === '0' ? start : door.cursors.get(cursor)
  // One that is not known: of before a restart, or so old that it was forgotten.
  if (place === null && cursor !== '0') throw new ReplyError('ERR invalid cursor')
  const route = routes.find(({ chain }) => chain === place?.chain)
  if (place === null || route === undefined) return sayPage('0', [])
  const page = await pageOf(session, route, place.after, {
    prefix: NO_PREFIX,
    limit: Math.min(count, PAGE_KEYS),
  })
  const slice = new Slice()
  const shown: Key[] = []
  for (const key of page.keys) {
    if ((pattern === null || matchesGlob(pattern, key)) && maySee(session.principal, key)) shown.push(key)
    if (slice.isOver) await slice.pause()
  }
  const next = routes[routes.indexOf(route) + 1]
  const last = page.keys.at(-1)
  const goesOn: Place | null =
    page.more && last !== undefined
      ? { chain: route.chain, after: last }
      : next === undefined
        ? null
        : { chain: next.chain, after: null }
  return sayPage(
    goesOn === null ? '0' : door.cursors.add(goesOn),
    type === null || type === 'string' ? shown : [],
  )
}

const sayPage =
  (cursor: string, shown: readonly Key[]): Answer =>
  (reply) => {
    reply.array(2)
    reply.text(cursor)
    reply.texts(shown)
  }

/** One behind a place in the order of keys that dice have named: keys that stand far from their predecessors come more often. */
async function randomKey(session: Session): Promise<Answer> {
  const routes = scannedRoutes(session)
  const start = Math.floor(Math.random() * Math.max(1, routes.length))
  for (let i = 0; i < routes.length; i++) {
    const route = routes[(start + i) % routes.length] as Route
    const [low] = (await pageOf(session, route, null, { prefix: NO_PREFIX, limit: 1 })).keys
    if (low === undefined) continue
    const count = session.door.store.keyCount(route.chain) ?? 1
    const page = await pageOf(session, route, null, { prefix: NO_PREFIX, limit: Math.min(count, PAGE_KEYS) })
    const key = page.keys[Math.floor(Math.random() * page.keys.length)] ?? low
    return (reply) => reply.text(key)
  }
  return (reply) => reply.null()
}

function databaseSize(session: Session): number {
  let count = 0
  for (const route of scannedRoutes({ door: session.door, readOnly: true }))
    count += session.door.store.keyCount(route.chain) ?? 0
  return count
}

/** Page by page: others see keys go one after the other, and a key that is set meanwhile may stay. */
async function flush(session: Session, args: Args): Promise<Answer> {
  if (args.count > 2 || (args.count === 2 && !/^(a?sync)$/i.test(args.text(1)))) syntaxError()
  const { door } = session
  if (!door.topology.leadsAny && !door.proxies)
    throw new ReplyError("READONLY You can't write against a read only replica.")
  for (const route of scannedRoutes(session)) {
    let after: Key | null = null
    for (let more = true; more; ) {
      const page: Page = await pageOf(session, route, after, { prefix: NO_PREFIX, limit: DELETE_KEYS })
      const writes = page.keys.map((key) => ({ type: 'delete' as const, key }))
      if (writes.length > 0)
        await door.write(route.chain, { type: 'transaction', compares: [], reads: [], writes })
      after = page.keys.at(-1) ?? null
      more = page.more && after !== null
    }
  }
  return (reply) => reply.ok()
}

/** CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT. */
export async function keysInSlot(session: Session, args: Args): Promise<Key[]> {
  const slot = Number(toInt64(args.text(2)) ?? -1n)
  if (slot < 0 || slot > 16_383) throw new ReplyError('ERR Invalid slot')
  const most = args.count > 3 ? Number(toInt64(args.text(3)) ?? -1n) : Number.POSITIVE_INFINITY
  if (most < 0) throw new ReplyError('ERR Invalid number of keys')
  const found: Key[] = []
  for await (const key of everyKey(session, NO_PREFIX)) {
    if (slotOf(key) === slot && found.push(key) >= most) break
  }
  return found.slice(0, most)
}

const SCAN = { flags: ['readonly'], group: 'generic' } as const

export const SCAN_COMMANDS: readonly Command[] = [
  { ...SCAN, name: 'keys', arity: 2, summary: 'Keys that match a pattern.', task: keys },
  { ...SCAN, name: 'scan', arity: -2, summary: 'Some keys, and where to go on.', task: scan },
  { ...SCAN, name: 'randomkey', arity: 1, summary: 'Any key.', task: randomKey },
  {
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    group: 'server',
    summary: 'How many keys there are.',
    now: (session, _, reply) => reply.integer(databaseSize(session)),
  },
  {
    name: 'flushall',
    arity: -1,
    flags: ['write'],
    group: 'server',
    summary: 'Deletes every key.',
    task: flush,
  },
  {
    name: 'flushdb',
    arity: -1,
    flags: ['write'],
    group: 'server',
    summary: 'Deletes every key.',
    task: flush,
  },
]
