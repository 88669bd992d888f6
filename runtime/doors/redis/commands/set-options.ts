/** When a value is set, and until when. */
import type { Condition, Expiry } from '../../../../protocol/commands.ts'
import { asMillis } from '../../../../protocol/ids.ts'
import { int64 } from '../numbers.ts'
import { ReplyError, syntaxError } from '../reply-error.ts'
import type { Args } from '../request-reader.ts'

export interface SetOptions {
  readonly condition: Condition | null
  readonly expiry: Expiry
  readonly get: boolean
}

export const CLEAR: Expiry = { type: 'set', atWallMs: asMillis(0) }
const PLAIN: SetOptions = { condition: null, expiry: CLEAR, get: false }
/** Wall-clock milliseconds that a client may name: what fits into a double exactly. */
const WALL_MS_MAX = BigInt(Number.MAX_SAFE_INTEGER)

const TIMES: Readonly<Record<string, { unitMs: number; relative: boolean }>> = {
  EX: { unitMs: 1000, relative: true },
  PX: { unitMs: 1, relative: true },
  EXAT: { unitMs: 1000, relative: false },
  PXAT: { unitMs: 1, relative: false },
}

/** @throws {ReplyError} options that exclude each other, or that are none. */
export function readSetOptions(args: Args, first: number, wallMs: number, name = 'set'): SetOptions {
  if (args.count <= first) return PLAIN
  let condition: Condition | null = null
  let expiry: Expiry | null = null
  let get = false
  for (let i = first; i < args.count; i++) {
    const option = args.upper(i)
    const time = TIMES[option]
    if (time !== undefined && expiry === null && i + 1 < args.count) {
      const fromMs = time.relative ? wallMs : 0
      i++
      expiry = { type: 'set', atWallMs: asMillis(deadline(args, i, { unitMs: time.unitMs, fromMs, name })) }
    } else if (name !== 'set') syntaxError()
    else if ((option === 'NX' || option === 'XX') && condition === null)
      condition = { type: option === 'NX' ? 'absent' : 'present' }
    else if (option === 'KEEPTTL' && expiry === null) expiry = { type: 'keep' }
    else if (option === 'GET') get = true
    else if (
      (option === 'NX' || option === 'XX') &&
      condition?.type === (option === 'NX' ? 'absent' : 'present')
    )
      continue
    else syntaxError()
  }
  return { condition, expiry: expiry ?? CLEAR, get }
}

/** When a time to live ends. @throws {ReplyError} it is not positive, or too far. */
export function deadline(
  args: Args,
  index: number,
  { unitMs, fromMs, name }: { unitMs: number; fromMs: number; name: string },
): number {
  const time = int64(args, index)
  const atWallMs = time * BigInt(unitMs) + BigInt(Math.floor(fromMs))
  if (time <= 0n || atWallMs > WALL_MS_MAX)
    throw new ReplyError(`ERR invalid expire time in '${name}' command`)
  return Number(atWallMs)
}
