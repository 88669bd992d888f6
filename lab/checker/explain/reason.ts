import { isCompleted } from '../event-list.ts'
import type { Operation } from '../operations.ts'
import { labelOf } from '../page/labels.ts'
import { valueText } from '../page/text.ts'
import { type Facts, factsOf, type Told } from './facts.ts'

interface Known {
  readonly operation: Operation
  readonly facts: Facts
}

/** What is wrong, in words, where it is one of the mistakes that stores make; else only that nothing explains it. */
export function reasonOf(
  part: readonly Operation[],
  smallest: readonly Operation[],
  initial: string | null,
): string {
  const all = part.map(known)
  const few = smallest.map(known)
  for (const reader of few) {
    if (!isCompleted(reader.operation)) continue
    for (const shown of reader.facts.shows) {
      const found =
        nothingWrote(reader, shown, all, initial) ??
        staleRead(reader, shown, few) ??
        missedAppend(reader, shown, few) ??
        wentBack(reader, shown, few)
      if (found !== null) return found
    }
  }
  return (
    oppositeOrders(few) ??
    sameBase(few, all) ??
    versionOrder(few) ??
    sameNumber(few) ??
    'no order of these operations explains them'
  )
}

const known = (operation: Operation): Known => ({ operation, facts: factsOf(operation) })
const ended = (a: Operation, b: Operation) => a.return < b.call
const time = (value: number) => String(Math.round(value * 1000) / 1000)
/** Without what it answered, which the sentence tells. */
const words = ({ operation }: Known) =>
  `${labelOf(operation).split(' → ')[0]} (process ${operation.process}, ${times(operation)})`
const times = ({ call, return: end }: Operation) =>
  end === Number.POSITIVE_INFINITY ? `from ${time(call)}` : `${time(call)} to ${time(end)}`

/** Operations that can have left this value. With appends nobody can say, so there are none. Null: unclear. */
function writersOf(shown: Told, all: readonly Known[], except: Known): readonly Known[] | null {
  const writes = all.flatMap((each) => each.facts.writes.filter(({ key }) => key === shown.key))
  if (writes.some(({ isAppend, value }) => isAppend || value === undefined)) return null
  return all.filter(
    (each) =>
      each !== except && each.facts.writes.some((w) => w.key === shown.key && w.value === shown.value),
  )
}

function nothingWrote(
  reader: Known,
  shown: Told,
  all: readonly Known[],
  initial: string | null,
): string | null {
  const writers = writersOf(
    shown,
    all.filter(({ operation }) => operation.id !== reader.operation.id),
    reader,
  )
  if (writers === null || isInitial(shown, initial)) return null
  const what = `${words(reader)} found ${told(shown)}`
  if (writers.length === 0) return `${what}, which nothing wrote`
  const [first] = [...writers].sort((a, b) => a.operation.call - b.operation.call)
  if (first === undefined || !ended(reader.operation, first.operation)) return null
  return `${what} before anything wrote it: ${words(first)} began later`
}

function isInitial({ key, value }: Told, initial: string | null): boolean {
  return value === (initial === null || key !== '' ? initial : JSON.stringify(initial))
}

/** A read of a value that was overwritten before the read began, and by which write. */
function staleRead(reader: Known, shown: Told, few: readonly Known[]): string | null {
  // Whoever wrote the value is among the few: a write never goes without those who saw it.
  const writers = writersOf(shown, few, reader)
  if (writers === null) return null
  const newer = few.find(({ operation, facts }) => {
    const isOther = facts.writes.some(({ key, value }) => key === shown.key && value !== shown.value)
    return (
      isOther &&
      ended(operation, reader.operation) &&
      writers.every((writer) => ended(writer.operation, operation))
    )
  })
  if (newer === undefined) return null
  return `${words(reader)} found ${told(shown)}, although ${words(newer)} had ended before and nothing wrote ${told(shown)} again`
}

/** Where a key is only appended to, a read shows every append that ended before it, after what earlier reads showed. */
function missedAppend(reader: Known, shown: Told, few: readonly Known[]): string | null {
  const value = shown.value ?? ''
  const earlier = few.filter(({ operation }) => ended(operation, reader.operation))
  const writes = few.flatMap(({ facts }) => facts.writes.filter(({ key }) => key === shown.key))
  if (writes.length === 0 || writes.some(({ isAppend }) => !isAppend)) return null
  for (const each of earlier) {
    for (const write of each.facts.writes)
      if (write.key === shown.key && !value.includes(write.value ?? ''))
        return `${words(reader)} does not show what ${words(each)} had appended before`
    for (const before of each.facts.shows)
      if (before.key === shown.key && !value.startsWith(before.value ?? ''))
        return `${words(reader)} does not begin with what ${words(each)} had found before`
  }
  return null
}

/** A read that shows less than an earlier one did. */
function wentBack(reader: Known, shown: Told, few: readonly Known[]): string | null {
  for (const earlier of few) {
    if (!ended(earlier.operation, reader.operation)) continue
    for (const before of earlier.facts.shows) {
      if (before.key !== shown.key || before.version === undefined || shown.version === undefined) continue
      if (shown.version < before.version)
        return `${words(reader)} found version ${shown.version}, although ${words(earlier)} had found version ${before.version} before`
    }
    const isNewer = earlier.facts.shows.find(
      (before) => before.key === shown.key && before.value !== shown.value && isOrdered(few, shown, before),
    )
    if (isNewer !== undefined)
      return `${words(reader)} found ${told(shown)}, although ${words(earlier)} had found the newer ${told(isNewer)} before`
  }
  return null
}

/** Whether each write of `older` had ended before any write of `newer` began. */
function isOrdered(few: readonly Known[], older: Told, newer: Told): boolean {
  const wrote = (told: Told) =>
    few.filter(({ facts }) => facts.writes.some(({ key, value }) => key === told.key && value === told.value))
  const [before, after] = [wrote(older), wrote(newer)]
  return after.length > 0 && before.every((a) => after.every((b) => ended(a.operation, b.operation)))
}

/** Two values, written once each, that two clients found in opposite orders. */
function oppositeOrders(few: readonly Known[]): string | null {
  const steps = few.flatMap((first) =>
    few.flatMap((second) => {
      if (!ended(first.operation, second.operation)) return []
      const [from, to] = [first.facts.shows[0], second.facts.shows[0]]
      const isStep = from !== undefined && to !== undefined && from.key === to.key && from.value !== to.value
      return isStep && [from, to].every((each) => writersOf(each, few, first)?.length === 1)
        ? [{ first, second, from, to }]
        : []
    }),
  )
  for (const one of steps) {
    const other = steps.find(
      ({ from, to }) =>
        from.key === one.from.key && from.value === one.to.value && to.value === one.from.value,
    )
    if (other !== undefined)
      return `${words(one.first)} and then ${words(one.second)} found ${told(one.from)} and then ${told(one.to)}, but ${words(other.first)} and then ${words(other.second)} found them the other way round`
  }
  return null
}

/** Two conditional writes that both built on the same value, which was written once. */
function sameBase(few: readonly Known[], all: readonly Known[]): string | null {
  const conditional = few.filter(({ operation, facts }) => isCompleted(operation) && facts.writes.length > 0)
  for (const [i, one] of conditional.entries())
    for (const two of conditional.slice(i + 1))
      for (const base of one.facts.shows) {
        const isSame = two.facts.shows.some(({ key, value }) => key === base.key && value === base.value)
        const replaced = (each: Known) =>
          each.facts.writes.some((w) => w.key === base.key && w.value !== base.value)
        const writers = writersOf(base, all, one)
        if (isSame && replaced(one) && replaced(two) && (writers?.length ?? 2) <= 1)
          return `both ${words(one)} and ${words(two)} replaced ${told(base)}, which was there only once: one of the two updates is lost`
      }
  return null
}

/** Writes of one key whose versions contradict the order in which they were made. */
function versionOrder(few: readonly Known[]): string | null {
  for (const one of few)
    for (const two of few)
      for (const a of one.facts.writes)
        for (const b of two.facts.writes) {
          if (one === two || a.key !== b.key || a.version === undefined || b.version === undefined) continue
          if (a.version === b.version) return `${words(one)} and ${words(two)} were given the same version`
          if (ended(one.operation, two.operation) && b.version < a.version)
            return `${words(two)} was given an older version than ${words(one)}, which had ended before`
        }
  return null
}

function sameNumber(few: readonly Known[]): string | null {
  const increments = few.filter(
    ({ operation, facts }) =>
      isCompleted(operation) &&
      (operation.input as { f: string }).f === 'increment' &&
      facts.writes[0]?.value !== undefined,
  )
  for (const [i, one] of increments.entries())
    for (const two of increments.slice(i + 1)) {
      const [a, b] = [one.facts.writes[0], two.facts.writes[0]]
      const isUp = [one, two].every(({ operation }) => (operation.input as { by: number }).by > 0)
      if (isUp && a?.key === b?.key && a?.value === b?.value)
        return `${words(one)} and ${words(two)} both made ${told({ key: '', value: a?.value ?? null })}: one of the two is lost`
    }
  return null
}

const told = ({ value, version }: Told) =>
  `${valueText(value)}${version === undefined ? '' : ` (version ${version})`}`
