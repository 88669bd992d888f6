/** Commands on values that are numbers. */
import type { Command, HeadOperation, Time } from '../command.ts'
import { keyAt, ONE_KEY } from '../command.ts'
import { addDecimals, int64, isInt64, latin1, textOf, toFloat, toInt64 } from '../numbers.ts'
import { NOT_FLOAT, NOT_INTEGER, OVERFLOW, ReplyError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Space } from '../space.ts'

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const INT64_MIN = -(2n ** 63n)

/** The head counts up to 2^53. What it refuses is done on a snapshot, with all 64 bits. */
function atHead(args: Args, by: bigint): HeadOperation | null {
  if (by > SAFE || by < -SAFE) return null
  return {
    command: { type: 'increment', key: keyAt(args, 1), by: Number(by) },
    mayFallBack: true,
    show: (result, reply) => {
      if (result.type !== 'written') return false
      reply.integer(result.number ?? 0)
      return true
    },
  }
}

function add(space: Space, args: Args, by: bigint, reply: ReplyWriter): void {
  const key = keyAt(args, 1)
  const old = space.get(key)
  const number = old === null ? 0n : toInt64(textOf(old.value))
  if (number === null) throw new ReplyError(NOT_INTEGER)
  const sum = number + by
  if (!isInt64(sum)) throw new ReplyError(OVERFLOW)
  space.put(key, latin1(sum.toString()), old?.expiresAtWallMs ?? 0)
  reply.integer(sum)
}

const counter = (name: string, arity: number, by: (args: Args) => bigint): Command => ({
  name,
  arity,
  flags: ['write', 'denyoom', 'fast'],
  keys: ONE_KEY,
  group: 'string',
  summary: 'Adds to a value that is an integer.',
  head: (args: Args, _: Time) => atHead(args, by(args)),
  run: (space, args, reply) => add(space, args, by(args), reply),
})

function negated(args: Args): bigint {
  const by = int64(args, 2)
  if (by === INT64_MIN) throw new ReplyError('ERR decrement would overflow')
  return -by
}

function addFloat(space: Space, args: Args, reply: ReplyWriter): void {
  const key = keyAt(args, 1)
  const old = space.get(key)
  const [value, by] = [old === null ? '0' : textOf(old.value), args.text(2)]
  if (Number.isNaN(toFloat(value)) || Number.isNaN(toFloat(by))) throw new ReplyError(NOT_FLOAT)
  const sum = addDecimals(value, by)
  if (sum === null) throw new ReplyError('ERR increment would produce NaN or Infinity')
  space.put(key, latin1(sum), old?.expiresAtWallMs ?? 0)
  reply.text(sum)
}

export const COUNTER_COMMANDS: readonly Command[] = [
  counter('incr', 2, () => 1n),
  counter('decr', 2, () => -1n),
  counter('incrby', 3, (args) => int64(args, 2)),
  counter('decrby', 3, negated),
  {
    name: 'incrbyfloat',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: ONE_KEY,
    group: 'string',
    summary: 'Adds to a value that is a decimal number.',
    run: addFloat,
  },
]
