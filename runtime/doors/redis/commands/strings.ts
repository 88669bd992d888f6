/** Commands on string values. */
import type { WriteResult } from '../../../../protocol/commands.ts'
import { asMillis, type Key } from '../../../../protocol/ids.ts'
import { KEYS_PER_COMMAND_MAX, VALUE_BYTES_MAX } from '../../../../protocol/limits.ts'
import { ALL_KEYS, type Command, type HeadOperation, keyAt, ONE_KEY, PAIRS } from '../command.ts'
import { integer } from '../numbers.ts'
import { ReplyError, syntaxError, TOO_LONG, wrongArity } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Space } from '../space.ts'
import { CLEAR, deadline, readSetOptions, type SetOptions } from './set-options.ts'

const EMPTY = new Uint8Array(0)
const READ = { flags: ['readonly', 'fast'], group: 'string' } as const
const WRITE = { flags: ['write', 'denyoom'], group: 'string' } as const

const showOk = (_: WriteResult, reply: ReplyWriter): boolean => {
  reply.ok()
  return true
}

const showOld = (result: WriteResult, reply: ReplyWriter): boolean => {
  reply.bulkOrNull(result.type === 'read-back' ? (result.reads[0]?.value ?? null) : null)
  return true
}

const oneIfWritten = (result: WriteResult, reply: ReplyWriter): boolean => {
  reply.integer(result.type === 'written' ? 1 : 0)
  return true
}

const okIfWritten = (result: WriteResult, reply: ReplyWriter): boolean => {
  if (result.type === 'unmatched') reply.null()
  else reply.ok()
  return true
}

function setAtHead(key: Key, value: Uint8Array, options: SetOptions): HeadOperation | null {
  const { condition, expiry, get } = options
  if (get && condition !== null) return null
  if (get) return { command: { type: 'get-and-set', key, value, expiry }, show: showOld }
  if (condition === null) return { command: { type: 'put', key, value, expiry, condition }, show: showOk }
  return { command: { type: 'put', key, value, expiry, condition }, show: okIfWritten }
}

function runSet(space: Space, args: Args, reply: ReplyWriter, wallMs: number): void {
  const options = readSetOptions(args, 3, wallMs)
  const key = keyAt(args, 1)
  const old = space.get(key)
  const { condition, expiry, get } = options
  const matches = condition === null || (condition.type === 'absent') === (old === null)
  if (matches)
    space.put(key, args.bytes(2), expiry.type === 'set' ? expiry.atWallMs : (old?.expiresAtWallMs ?? 0))
  if (get) reply.bulkOrNull(old?.value ?? null)
  else if (matches) reply.ok()
  else reply.null()
}

/** SETEX and PSETEX. */
const setWithTime = (name: string, unitMs: number): Command => ({
  ...WRITE,
  name,
  arity: 4,
  keys: ONE_KEY,
  summary: 'Sets a value and its time to live.',
  head: (args, { wallMs }) => {
    const atWallMs = asMillis(deadline(args, 2, { unitMs, fromMs: wallMs, name }))
    const [key, value] = [keyAt(args, 1), args.bytes(3)]
    return {
      command: { type: 'put', key, value, expiry: { type: 'set', atWallMs }, condition: null },
      show: showOk,
    }
  },
  run: (space, args, reply, { wallMs }) => {
    space.put(keyAt(args, 1), args.bytes(3), deadline(args, 2, { unitMs, fromMs: wallMs, name }))
    reply.ok()
  },
})

const getRange = (name: string): Command => ({
  name,
  arity: 4,
  flags: ['readonly'],
  keys: ONE_KEY,
  group: 'string',
  summary: 'Reads a part of a value.',
  run: (space, args, reply) => {
    const [first, last] = [integer(args, 2), integer(args, 3)]
    const value = space.get(keyAt(args, 1))?.value ?? EMPTY
    const { length } = value
    if (first < 0 && last < 0 && first > last) return reply.bulk(EMPTY)
    const start = Math.max(0, first < 0 ? length + first : first)
    const end = Math.min(length - 1, Math.max(0, last < 0 ? length + last : last))
    reply.bulk(start > end || length === 0 ? EMPTY : value.subarray(start, end + 1))
  },
})

function runSetRange(space: Space, args: Args, reply: ReplyWriter): void {
  const offset = integer(args, 2)
  if (offset < 0) throw new ReplyError('ERR offset is out of range')
  const key = keyAt(args, 1)
  const old = space.get(key)
  const before = old?.value ?? EMPTY
  const part = args.bytes(3)
  if (part.length === 0) return reply.integer(before.length)
  if (offset + part.length > VALUE_BYTES_MAX) throw new ReplyError(TOO_LONG)
  const value = new Uint8Array(Math.max(before.length, offset + part.length))
  value.set(before)
  value.set(part, offset)
  space.put(key, value, old?.expiresAtWallMs ?? 0)
  reply.integer(value.length)
}

function runAppend(space: Space, args: Args, reply: ReplyWriter): void {
  const key = keyAt(args, 1)
  const old = space.get(key)
  const before = old?.value ?? EMPTY
  const more = args.bytes(2)
  if (before.length + more.length > VALUE_BYTES_MAX) throw new ReplyError(TOO_LONG)
  const value = new Uint8Array(before.length + more.length)
  value.set(before)
  value.set(more, before.length)
  space.put(key, value, old?.expiresAtWallMs ?? 0)
  reply.integer(value.length)
}

function runGetEx(space: Space, args: Args, reply: ReplyWriter, wallMs: number): void {
  const key = keyAt(args, 1)
  const option = args.count > 2 ? args.upper(2) : ''
  let expiry: number | null = null
  if (option === 'PERSIST' && args.count === 3) expiry = 0
  else if (option !== '') {
    const { expiry: asked } = readSetOptions(args, 2, wallMs, 'getex')
    if (asked.type !== 'set' || asked.atWallMs === 0) syntaxError()
    expiry = asked.atWallMs
  }
  const old = space.get(key)
  if (old === null) return reply.null()
  reply.bulk(old.value)
  if (expiry === null || expiry === old.expiresAtWallMs) return
  if (expiry !== 0 && expiry <= wallMs) space.delete(key)
  else space.put(key, old.value, expiry)
}

/** The values of MSET and MSETNX. @throws {ReplyError} a key without a value. */
function pairsOf(args: Args, name: string): { key: Key; value: Uint8Array }[] {
  if (args.count % 2 === 0) throw new ReplyError(wrongArity(name))
  const pairs: { key: Key; value: Uint8Array }[] = []
  for (let i = 1; i < args.count; i += 2) pairs.push({ key: keyAt(args, i), value: args.bytes(i + 1) })
  if (pairs.length > KEYS_PER_COMMAND_MAX / 2)
    throw new ReplyError(`ERR ${pairs.length} keys; one command writes at most ${KEYS_PER_COMMAND_MAX / 2}`)
  return pairs
}

const putAll = (args: Args, name: string) =>
  pairsOf(args, name).map(({ key, value }) => ({ type: 'put' as const, key, value, expiry: CLEAR }))

export const STRING_COMMANDS: readonly Command[] = [
  {
    ...READ,
    name: 'get',
    arity: 2,
    keys: ONE_KEY,
    summary: 'Reads a value.',
    show: (value, reply) => reply.bulkOrNull(value === null ? null : value.value),
  },
  {
    ...WRITE,
    name: 'set',
    arity: -3,
    keys: ONE_KEY,
    summary: 'Sets a value.',
    head: (args, { wallMs }) => setAtHead(keyAt(args, 1), args.bytes(2), readSetOptions(args, 3, wallMs)),
    run: (space, args, reply, { wallMs }) => runSet(space, args, reply, wallMs),
  },
  {
    ...WRITE,
    flags: ['write', 'denyoom', 'fast'],
    name: 'setnx',
    arity: 3,
    keys: ONE_KEY,
    summary: 'Sets a value where there is none.',
    head: (args) => ({
      command: {
        type: 'put',
        key: keyAt(args, 1),
        value: args.bytes(2),
        expiry: CLEAR,
        condition: { type: 'absent' },
      },
      show: oneIfWritten,
    }),
    run: (space, args, reply) => {
      const absent = space.get(keyAt(args, 1)) === null
      if (absent) space.put(keyAt(args, 1), args.bytes(2), 0)
      reply.integer(absent ? 1 : 0)
    },
  },
  setWithTime('setex', 1000),
  setWithTime('psetex', 1),
  {
    ...WRITE,
    flags: ['write', 'denyoom', 'fast'],
    name: 'getset',
    arity: 3,
    keys: ONE_KEY,
    summary: 'Sets a value and reads the one before.',
    head: (args) => ({
      command: { type: 'get-and-set', key: keyAt(args, 1), value: args.bytes(2), expiry: CLEAR },
      show: showOld,
    }),
    run: (space, args, reply) => {
      reply.bulkOrNull(space.get(keyAt(args, 1))?.value ?? null)
      space.put(keyAt(args, 1), args.bytes(2), 0)
    },
  },
  {
    name: 'getdel',
    arity: 2,
    flags: ['write', 'fast'],
    keys: ONE_KEY,
    group: 'string',
    summary: 'Reads a value and deletes it.',
    head: (args) => ({
      command: { type: 'get-and-set', key: keyAt(args, 1), value: null, expiry: CLEAR },
      show: showOld,
    }),
    run: (space, args, reply) => {
      reply.bulkOrNull(space.get(keyAt(args, 1))?.value ?? null)
      space.delete(keyAt(args, 1))
    },
  },
  {
    name: 'getex',
    arity: -2,
    flags: ['write', 'fast'],
    keys: ONE_KEY,
    group: 'string',
    summary: 'Reads a value and changes its time to live.',
    run: (space, args, reply, { wallMs }) => runGetEx(space, args, reply, wallMs),
  },
  {
    ...READ,
    name: 'mget',
    arity: -2,
    keys: ALL_KEYS,
    summary: 'Reads several values, as they stood at one moment.',
    run: (space, args, reply) => {
      reply.array(args.count - 1)
      for (let i = 1; i < args.count; i++) reply.bulkOrNull(space.get(keyAt(args, i))?.value ?? null)
    },
  },
  {
    ...WRITE,
    name: 'mset',
    arity: -3,
    keys: PAIRS,
    summary: 'Sets several values at once.',
    head: (args) => ({
      command: { type: 'transaction', compares: [], reads: [], writes: putAll(args, 'mset') },
      show: showOk,
    }),
    run: (space, args, reply) => {
      for (const { key, value } of pairsOf(args, 'mset')) space.put(key, value, 0)
      reply.ok()
    },
  },
  {
    ...WRITE,
    name: 'msetnx',
    arity: -3,
    keys: PAIRS,
    summary: 'Sets several values where none of them exists.',
    head: (args) => {
      const writes = putAll(args, 'msetnx')
      const compares = writes.map(({ key }) => ({ key, condition: { type: 'absent' as const } }))
      return {
        command: { type: 'transaction', compares, reads: [], writes },
        show: (result, reply) => {
          reply.integer(result.type === 'read-back' && result.applied ? 1 : 0)
          return true
        },
      }
    },
    run: (space, args, reply) => {
      const pairs = pairsOf(args, 'msetnx')
      const absent = pairs.every(({ key }) => space.get(key) === null)
      if (absent) for (const { key, value } of pairs) space.put(key, value, 0)
      reply.integer(absent ? 1 : 0)
    },
  },
  {
    ...WRITE,
    flags: ['write', 'denyoom', 'fast'],
    name: 'append',
    arity: 3,
    keys: ONE_KEY,
    summary: 'Adds to the end of a value.',
    head: (args) => ({
      command: { type: 'append', key: keyAt(args, 1), value: args.bytes(2) },
      show: (result, reply) => {
        if (result.type === 'written') reply.integer(result.number ?? 0)
        else reply.error(TOO_LONG)
        return true
      },
    }),
    run: runAppend,
  },
  {
    ...READ,
    name: 'strlen',
    arity: 2,
    keys: ONE_KEY,
    summary: 'Length of a value.',
    show: (value, reply) => reply.integer(value?.value.length ?? 0),
  },
  getRange('getrange'),
  getRange('substr'),
  {
    ...WRITE,
    name: 'setrange',
    arity: 4,
    keys: ONE_KEY,
    summary: 'Overwrites a part of a value.',
    run: runSetRange,
  },
]
