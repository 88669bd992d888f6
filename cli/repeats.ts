import type { Arguments } from 'yargs'
import { UsageError } from './arguments.ts'

/** Lists, separated by commas: to name such an option twice is to name more. */
const LISTS = new Set(['servers', 'coordinator', 'member', 'members'])

interface Declared {
  readonly array: readonly string[]
  readonly key: Readonly<Record<string, unknown>>
}

/** An option that was given twice is an array to yargs, which no command expects. A check of yargs: it throws or is true. */
export function refuseRepeats(argv: Arguments, declared: Declared): true {
  for (const [name, value] of Object.entries(argv)) {
    const isOne = name in declared.key && !declared.array.includes(name) && !LISTS.has(name)
    if (isOne && Array.isArray(value))
      throw new UsageError(`--${name} is given ${value.length} times: once is enough`)
  }
  return true
}
