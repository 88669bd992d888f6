/** A list of entries against a plain array, over random operations. */
import { describe, expect, test } from 'vitest'
import { EntryList, PACKED_TOGETHER } from '../../../coordinator/raft/entry-list.ts'
import { asLogIndex, asTerm } from '../../../coordinator/raft/ids.ts'
import type { LogEntry } from '../../../coordinator/raft/log.ts'
import { seededRng } from './member.ts'

const TURNS = 60
const RUN = PACKED_TOGETHER

function entryAt(index: number, rng: ReturnType<typeof seededRng>): LogEntry {
  const kind = rng.below(20)
  // No-ops, empty commands, small ones, and now and then one that is too long to be packed.
  const bytes = kind === 0 ? null : kind === 1 ? 0 : kind === 2 && rng.below(10) === 0 ? 2_000_000 : kind * 3
  const command = bytes === null ? null : new Uint8Array(bytes).fill(index)
  return { term: asTerm(1 + Math.floor(index / 100)), index: asLogIndex(index), command }
}

/** Of an entry, what can be compared without comparing megabytes one by one. */
const gist = ({ term, index, command }: LogEntry) =>
  command === null ? [term, index] : [term, index, command.length, command[0], command.at(-1)]

test.each([1, 2, 3, 4])('is what an array would be: seed %i', (seed) => {
  const rng = seededRng(seed)
  const list = new EntryList()
  let model: LogEntry[] = []
  let next = 1 + rng.below(1000)
  const given: { readonly entries: LogEntry[]; readonly gists: unknown[] }[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    const kind = rng.below(4)
    if (kind < 2)
      for (let count = rng.below(3 * RUN); count > 0; count--, next++) {
        const entry = entryAt(next, rng)
        list.push(entry)
        model.push(entry)
      }
    else if (kind === 2) {
      const length = Math.max(0, model.length - rng.below(2 * RUN))
      list.truncate(length)
      next -= model.length - length
      model.length = length
    } else {
      const count = rng.below(2 * RUN)
      list.dropFirst(count)
      model = model.slice(count)
    }
    expect(list.length).toBe(model.length)
    const from = rng.below(model.length + 2)
    const to = from + rng.below(2 * RUN)
    const entries = list.slice(from, to)
    expect(entries.map(gist)).toEqual(model.slice(from, to).map(gist))
    given.push({ entries, gists: entries.map(gist) })
    for (const position of [-1, 0, from, model.length - 1, model.length]) {
      expect(list.termAt(position)).toBe(model[position]?.term ?? null)
      const entry = list.at(position)
      expect(entry === null ? undefined : gist(entry)).toEqual(model[position] && gist(model[position]))
    }
  }
  // Whatever was given out before is as it was then.
  for (const { entries, gists } of given) expect(entries.map(gist)).toEqual(gists)
})

describe('an empty list', () => {
  test('has nothing at any position', () => {
    const list = new EntryList()
    list.truncate(0)
    list.dropFirst(5)
    expect([list.length, list.at(0), list.termAt(0), list.slice(0, 9)]).toEqual([0, null, null, []])
  })
})
