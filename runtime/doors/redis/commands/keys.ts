/** Commands on keys, whatever they hold, and on their time to live. */
import type { Versioned } from '../../../../protocol/commands.ts'
import { asMillis, type Key } from '../../../../protocol/ids.ts'
import { ALL_KEYS, type Command, keyAt, ONE_KEY, TWO_KEYS } from '../command.ts'
import { int64, textOf, toInt64 } from '../numbers.ts'
import { NO_KEY, ReplyError, syntaxError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Space } from '../space.ts'

const READ = { flags: ['readonly', 'fast'], group: 'generic' } as const
const WRITE = { flags: ['write', 'fast'], group: 'generic' } as const
const WALL_MS_MAX = BigInt(Number.MAX_SAFE_INTEGER)

const allKeys = (args: Args): Key[] => Array.from({ length: args.count - 1 }, (_, i) => keyAt(args, i + 1))

const remove = (name: string): Command => ({
  ...WRITE,
  name,
  arity: -2,
  keys: ALL_KEYS,
  summary: 'Deletes keys.',
  head: (args) => {
    if (args.count === 2) {
      return {
        command: { type: 'delete', key: keyAt(args, 1), condition: null },
        show: (result, reply) => {
          reply.integer(result.type === 'written' && result.version > 0 ? 1 : 0)
          return true
        },
      }
    }
    return null
  },
  run: (space, args, reply) => {
    let count = 0
    for (const key of new Set(allKeys(args))) {
      if (space.get(key) === null) continue
      space.delete(key)
      count++
    }
    reply.integer(count)
  },
})

const count = (name: string): Command => ({
  ...READ,
  name,
  arity: -2,
  keys: ALL_KEYS,
  summary: 'How many of these keys exist.',
  run: (space, args, reply) => reply.integer(allKeys(args).filter((key) => space.get(key) !== null).length),
})

/** TTL and its kin. @param toReply - of the time at which it ends. */
const timeOf = (name: string, toReply: (atWallMs: number, nowMs: number) => number): Command => ({
  ...READ,
  name,
  arity: 2,
  keys: ONE_KEY,
  summary: 'When a key will lapse.',
  show: (value, reply, { wallMs }) => {
    if (value === null) reply.integer(-2)
    else reply.integer(value.expiresAtWallMs === 0 ? -1 : toReply(value.expiresAtWallMs, wallMs))
  },
})

interface ExpireOptions {
  readonly nx: boolean
  readonly xx: boolean
  readonly gt: boolean
  readonly lt: boolean
}

function expireOptions(args: Args): ExpireOptions {
  const given = new Set(args.texts(3).map((option) => option.toUpperCase()))
  for (const option of args.texts(3))
    if (!/^(NX|XX|GT|LT)$/i.test(option)) throw new ReplyError(`ERR Unsupported option ${option}`)
  const [nx, xx, gt, lt] = [given.has('NX'), given.has('XX'), given.has('GT'), given.has('LT')]
  if (nx && (xx || gt || lt))
    throw new ReplyError('ERR NX and XX, GT or LT options at the same time are not compatible')
  if (gt && lt) throw new ReplyError('ERR GT and LT options at the same time are not compatible')
  return { nx, xx, gt, lt }
}

const allows = ({ nx, xx, gt, lt }: ExpireOptions, now: number, next: number): boolean => {
  const [current, wanted] = [now === 0 ? Number.POSITIVE_INFINITY : now, next]
  if (nx && now !== 0) return false
  if (xx && now === 0) return false
  return !(gt && wanted <= current) && !(lt && wanted >= current)
}

const expire = (name: string, unitMs: number, relative: boolean): Command => {
  const atOf = (args: Args, wallMs: number): number => {
    const at = int64(args, 2) * BigInt(unitMs) + BigInt(relative ? Math.floor(wallMs) : 0)
    if (at > WALL_MS_MAX || at < -WALL_MS_MAX)
      throw new ReplyError(`ERR invalid expire time in '${name}' command`)
    return Number(at)
  }
  return {
    ...WRITE,
    name,
    arity: -3,
    keys: ONE_KEY,
    summary: 'Sets the time to live of a key.',
    head: (args, { wallMs }) => {
      const at = atOf(args, wallMs)
      if (args.count > 3 || at <= wallMs) return null
      return {
        command: { type: 'expire', key: keyAt(args, 1), atWallMs: asMillis(at) },
        show: (result, reply) => {
          reply.integer(result.type === 'written' ? 1 : 0)
          return true
        },
      }
    },
    run: (space, args, reply, { wallMs }) => {
      const [options, at, key] = [expireOptions(args), atOf(args, wallMs), keyAt(args, 1)]
      const old = space.get(key)
      const applies = old !== null && allows(options, old.expiresAtWallMs, at)
      if (applies && at <= wallMs) space.delete(key)
      else if (applies) space.put(key, old.value, at)
      reply.integer(applies ? 1 : 0)
    },
  }
}

function rename(space: Space, args: Args, onlyIfFree: boolean): boolean {
  const [from, to] = [keyAt(args, 1), keyAt(args, 2)]
  const source = space.get(from)
  if (source === null) throw new ReplyError(NO_KEY)
  if (onlyIfFree && space.get(to) !== null) return false
  if (from === to) return true
  space.delete(from)
  space.put(to, source.value, source.expiresAtWallMs)
  return true
}

function copy(space: Space, args: Args, reply: ReplyWriter): void {
  let replace = false
  for (let i = 3; i < args.count; i++) {
    const option = args.upper(i)
    if (option === 'REPLACE') replace = true
    else if (option === 'DB' && i + 1 < args.count) {
      i++
      if (int64(args, i) !== 0n) throw new ReplyError('ERR DB index is out of range')
    } else syntaxError()
  }
  const [from, to] = [keyAt(args, 1), keyAt(args, 2)]
  if (from === to) throw new ReplyError('ERR source and destination objects are the same')
  const source = space.get(from)
  if (source === null || (!replace && space.get(to) !== null)) return reply.integer(0)
  space.put(to, source.value, source.expiresAtWallMs)
  reply.integer(1)
}

/** As Redis would keep such a value. */
export function encodingOf(value: Uint8Array): string {
  if (value.length <= 20 && toInt64(textOf(value)) !== null) return 'int'
  return value.length <= 44 ? 'embstr' : 'raw'
}

const OBJECT_HELP = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
  'HELP',
  '    Prints this help.',
]

function object(space: Space, args: Args, reply: ReplyWriter): void {
  const subcommand = args.upper(1)
  if (subcommand === 'HELP' && args.count === 2) {
    reply.array(OBJECT_HELP.length)
    for (const line of OBJECT_HELP) reply.simple(line)
    return
  }
  const known = ['ENCODING', 'FREQ', 'IDLETIME', 'REFCOUNT'].includes(subcommand)
  if (!known) throw new ReplyError(`ERR unknown subcommand '${args.text(1)}'. Try OBJECT HELP.`)
  if (args.count !== 3)
    throw new ReplyError(`ERR wrong number of arguments for 'object|${args.lower(1)}' command`)
  const found = space.get(keyAt(args, 2))
  if (found === null) return reply.null()
  if (subcommand === 'ENCODING') reply.text(encodingOf(found.value))
  else if (subcommand === 'FREQ')
    throw new ReplyError(
      'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
    )
  else reply.integer(subcommand === 'REFCOUNT' ? 1 : 0)
}

/** What a key costs: bytes of key and value, and what is kept beside them. */
const OVERHEAD_BYTES = 64

function memory(space: Space, args: Args, reply: ReplyWriter): void {
  if (args.upper(1) !== 'USAGE')
    throw new ReplyError(`ERR unknown subcommand '${args.text(1)}'. Try MEMORY HELP.`)
  if (args.count < 3) throw new ReplyError("ERR wrong number of arguments for 'memory|usage' command")
  if (args.count === 4 || args.count > 5 || (args.count === 5 && args.upper(3) !== 'SAMPLES')) syntaxError()
  const found = space.get(keyAt(args, 2))
  if (found === null) return reply.null()
  reply.integer(OVERHEAD_BYTES + args.length(2) + found.value.length)
}

const showType = (value: Versioned | null, reply: ReplyWriter) =>
  reply.simple(value === null ? 'none' : 'string')

const thirdIsKey = (args: Args): Key[] => (args.count > 2 ? [keyAt(args, 2)] : [])

export const KEY_COMMANDS: readonly Command[] = [
  remove('del'),
  remove('unlink'),
  count('exists'),
  count('touch'),
  { ...READ, name: 'type', arity: 2, keys: ONE_KEY, summary: 'Type of a value.', show: showType },
  timeOf('ttl', (at, now) => Math.floor((Math.max(0, at - now) + 500) / 1000)),
  timeOf('pttl', (at, now) => Math.max(0, at - Math.floor(now))),
  timeOf('expiretime', (at) => Math.floor((at + 500) / 1000)),
  timeOf('pexpiretime', (at) => at),
  expire('expire', 1000, true),
  expire('pexpire', 1, true),
  expire('expireat', 1000, false),
  expire('pexpireat', 1, false),
  {
    ...WRITE,
    name: 'persist',
    arity: 2,
    keys: ONE_KEY,
    summary: 'Takes the time to live away.',
    run: (space, args, reply) => {
      const old = space.get(keyAt(args, 1))
      const had = old !== null && old.expiresAtWallMs !== 0
      if (had) space.put(keyAt(args, 1), old.value, 0)
      reply.integer(had ? 1 : 0)
    },
  },
  {
    name: 'rename',
    arity: 3,
    flags: ['write'],
    keys: TWO_KEYS,
    group: 'generic',
    summary: 'Gives a value another key.',
    run: (space, args, reply) => {
      rename(space, args, false)
      reply.ok()
    },
  },
  {
    ...WRITE,
    name: 'renamenx',
    arity: 3,
    keys: TWO_KEYS,
    summary: 'Gives a value another key, where that one is free.',
    run: (space, args, reply) => {
      const source = space.get(keyAt(args, 1))
      reply.integer(rename(space, args, true) && source !== null ? 1 : 0)
    },
  },
  {
    name: 'copy',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: TWO_KEYS,
    group: 'generic',
    summary: 'Copies a value to another key.',
    run: copy,
  },
  {
    name: 'object',
    arity: -2,
    flags: ['readonly'],
    keysOf: thirdIsKey,
    group: 'generic',
    summary: 'How a value is kept.',
    subcommands: ['encoding', 'freq', 'idletime', 'refcount', 'help'],
    run: object,
  },
  {
    name: 'memory',
    arity: -2,
    flags: ['readonly'],
    keysOf: thirdIsKey,
    group: 'server',
    summary: 'What a key costs.',
    subcommands: ['usage'],
    run: memory,
  },
]
