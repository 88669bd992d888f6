/** The longest common subsequence of two values. */
import { type Command, keyAt, TWO_KEYS } from '../command.ts'
import { integer } from '../numbers.ts'
import { ReplyError, syntaxError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Space } from '../space.ts'

/** Its cost is the product of both lengths, and nothing else happens meanwhile: some hundredths of a second. */
const CELLS_MAX = 4 * 1024 * 1024
const EMPTY = new Uint8Array(0)

interface Match {
  /** First and last place in each value. */
  readonly a: [number, number]
  readonly b: [number, number]
}

function readOptions(args: Args) {
  let [length, indexes, withLength, least] = [false, false, false, 0]
  for (let i = 3; i < args.count; i++) {
    const option = args.upper(i)
    if (option === 'LEN') length = true
    else if (option === 'IDX') indexes = true
    else if (option === 'WITHMATCHLEN') withLength = true
    else if (option === 'MINMATCHLEN' && i + 1 < args.count) least = Math.max(0, integer(args, ++i))
    else syntaxError()
  }
  if (length && indexes)
    throw new ReplyError('ERR If you want both the length and indexes, please just use IDX.')
  return { length, indexes, withLength, least }
}

function table(a: Uint8Array, b: Uint8Array): Uint32Array {
  const width = b.length + 1
  if ((a.length + 1) * width > CELLS_MAX)
    throw new ReplyError('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len')
  const cells = new Uint32Array((a.length + 1) * width)
  for (let i = 1; i <= a.length; i++) {
    const [row, above] = [i * width, (i - 1) * width]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      cells[row + j] = same
        ? (cells[above + j - 1] as number) + 1
        : Math.max(cells[above + j] as number, cells[row + j - 1] as number)
    }
  }
  return cells
}

/** From the end to the beginning: the subsequence, and the ranges that it consists of. */
function trace(a: Uint8Array, b: Uint8Array, cells: Uint32Array) {
  const width = b.length + 1
  let [i, j, at] = [a.length, b.length, cells[a.length * width + b.length] as number]
  const found = new Uint8Array(at)
  const matches: Match[] = []
  let open: Match | null = null
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      found[--at] = a[i - 1] as number
      if (open !== null && open.a[0] === i && open.b[0] === j) {
        open.a[0]--
        open.b[0]--
      } else {
        open = { a: [i - 1, i - 1], b: [j - 1, j - 1] }
        matches.push(open)
      }
      i--
      j--
    } else if ((cells[(i - 1) * width + j] as number) > (cells[i * width + j - 1] as number)) i--
    else j--
  }
  return { found, matches }
}

function run(space: Space, args: Args, reply: ReplyWriter): void {
  const options = readOptions(args)
  const a = space.get(keyAt(args, 1))?.value ?? EMPTY
  const b = space.get(keyAt(args, 2))?.value ?? EMPTY
  const cells = table(a, b)
  const length = cells[cells.length - 1] as number
  if (options.length) return reply.integer(length)
  const { found, matches } = trace(a, b, cells)
  if (!options.indexes) return reply.bulk(found)
  const shown = matches.filter(({ a: [first, last] }) => last - first + 1 >= options.least)
  reply.map(2)
  reply.text('matches')
  reply.array(shown.length)
  for (const match of shown) {
    reply.array(options.withLength ? 3 : 2)
    for (const [first, last] of [match.a, match.b]) {
      reply.array(2)
      reply.integer(first)
      reply.integer(last)
    }
    if (options.withLength) reply.integer(match.a[1] - match.a[0] + 1)
  }
  reply.text('len')
  reply.integer(length)
}

export const LCS_COMMANDS: readonly Command[] = [
  {
    name: 'lcs',
    arity: -3,
    flags: ['readonly'],
    keys: TWO_KEYS,
    group: 'string',
    summary: 'Longest common subsequence of two values.',
    run,
  },
]
