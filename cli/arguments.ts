/** Reads what people write on a command line. */
import { isCoordinatorError } from '../client/coordinator/errors.ts'
import { type ConsistencyOption, StoreError } from '../client/index.ts'

/** What was written makes no sense: exit status 2. The message says what would. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** The message, where an error is about what was written; null: about something else. */
export function usageErrorOf(error: unknown): string | null {
  const isUsage =
    error instanceof UsageError ||
    (error instanceof StoreError && error.code === 'BAD_ARGUMENT') ||
    isCoordinatorError(error, 'BAD_ARGUMENTS')
  return isUsage ? (error as Error).message : null
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `10s`, `1.5h`: milliseconds. Without a unit it could mean anything. */
export function toDuration(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  const ms = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN)
  if (ms > 0 && ms <= Number.MAX_SAFE_INTEGER) return ms
  throw new UsageError(
    `${what} ${JSON.stringify(text)}: use a number above 0 and a unit, such as 500ms, 10s, 5m, 2h or 7d`,
  )
}

/** A whole number, from `min` on. */
export function toWhole(text: string, what: string, min = Number.MIN_SAFE_INTEGER): number {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number) && number >= min) return number
  const from = min === Number.MIN_SAFE_INTEGER ? '' : ` from ${min} on`
  throw new UsageError(`${what} ${JSON.stringify(text)}: use a whole number${from}`)
}

/** `strong`, `eventual`, `age:MS` or `versions:N` (CRAQ §2.4). */
export function toConsistency(text: string): ConsistencyOption {
  if (text === 'strong' || text === 'eventual') return text
  const match = /^(age|versions):(\d+)$/.exec(text)
  const bound = Number(match?.[2])
  if (match?.[1] === 'age' && bound > 0) return { maxAgeMs: bound }
  if (match?.[1] === 'versions' && Number.isSafeInteger(bound)) return { maxVersions: bound }
  throw new UsageError(
    `--consistency ${JSON.stringify(text)}: use strong, eventual, age:MILLISECONDS or versions:COUNT`,
  )
}
