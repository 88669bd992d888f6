/** What the page's script draws from: every text made, every step and point placed. */

import type { ModelName, Operation } from '../operations.ts'
import type { Judgement, PartVerdict, Verdict } from '../verdict.ts'
import { kindOf, labelOf, type OperationKind } from './labels.ts'
import { longestOrder, type Placement, placementsOf, pointsOf } from './placement.ts'
import { canFollow, type FollowedState, follow, stateText } from './states.ts'
import { clip, visible } from './text.ts'
import { guessedUnit, type Lane, lanesOf, type TimeUnit, timelineOf } from './timeline.ts'

export interface PageData {
  readonly unit: TimeUnit
  /** The earliest call of all, from which times are shown. */
  readonly start: number
  readonly parts: readonly PartData[]
  /** Index of the part to open with. */
  readonly first: number
}

export interface PartData {
  readonly name: string
  readonly judgement: Judgement
  readonly reason: string | null
  readonly operations: number
  readonly placed: number
  readonly stateAfter: string
  readonly smallest: ViewData | null
  readonly whole: ViewData
}

/** One history, ready to be drawn. */
export interface ViewData {
  readonly lanes: readonly Lane[]
  readonly times: readonly number[]
  readonly places: readonly number[]
  readonly cuts: readonly number[]
  /** By call. */
  readonly operations: readonly BarData[]
  /** Indexes into `operations`, in the order found. */
  readonly order: readonly number[]
  /** By place in the order: where its point lies, in steps. */
  readonly points: readonly number[]
  /** By place in the order: the state after it, in words; null where it is not known. */
  readonly states: readonly (string | null)[]
  /** The state after the last that was placed. */
  readonly stateAfter: string
}

export interface BarData {
  readonly id: number
  readonly lane: number
  readonly row: number
  readonly call: number
  readonly return: number | null
  readonly label: string
  readonly kind: OperationKind
  readonly placement: Placement
  /** Of what is stuck or fits but leads no further: why it is not next, where that is known. */
  readonly why: string | null
}

const LABEL_MAX = 200

export function pageData(verdict: Verdict, unit: TimeUnit | undefined): PageData {
  const histories = verdict.parts.map(({ operations }) => operations)
  let start = Infinity
  for (const operations of histories) for (const { call } of operations) start = Math.min(start, call)
  return {
    unit: unit ?? guessedUnit(histories),
    start: start === Infinity ? 0 : start,
    parts: verdict.parts.map((part) => partData(verdict.model, part)),
    first: firstToShow(verdict.parts),
  }
}

/** The first that failed, or else the first that is not known, or else the one with the most to see. */
function firstToShow(parts: readonly PartVerdict[]): number {
  for (const wanted of ['not-linearizable', 'unknown'] as const) {
    const found = parts.findIndex(({ judgement }) => judgement === wanted)
    if (found >= 0) return found
  }
  let largest = 0
  parts.forEach((part, i) => {
    if (part.operations.length > (parts[largest]?.operations.length ?? 0)) largest = i
  })
  return largest
}

function partData(model: ModelName, part: PartVerdict): PartData {
  return {
    name: visible(part.name),
    judgement: part.judgement,
    reason: part.reason === null ? null : visible(part.reason),
    operations: part.operations.length,
    placed: part.longestPrefix.length,
    stateAfter: clip(visible(part.stateAfter), LABEL_MAX),
    smallest: part.smallest === null ? null : smallestView(model, part, part.smallest),
    whole: wholeView(model, part),
  }
}

function wholeView(model: ModelName, part: PartVerdict): ViewData {
  const view = viewData(model, part, part.longestPrefix, part.stateAfter)
  const unsearched = !canFollow(model) && part.smallest !== null && part.longestPrefix.length === 0
  return unsearched ? unordered(view, new Set(part.smallest?.map(({ id }) => id))) : view
}

function smallestView(model: ModelName, part: PartVerdict, smallest: readonly Operation[]): ViewData {
  const ids = new Set(smallest.map(({ id }) => id))
  const order = longestOrder(model, smallest) ?? part.longestPrefix.filter((id) => ids.has(id))
  const view = viewData(model, { judgement: part.judgement, operations: smallest }, order, null)
  return canFollow(model) ? view : unordered(view, ids)
}

/** Where states cannot be followed, an order of some of these operations would say nothing: only all of them together are known to be wrong. */
function unordered(view: ViewData, involved: ReadonlySet<number>): ViewData {
  const operations = view.operations.map(
    (bar): BarData =>
      involved.has(bar.id)
        ? { ...bar, placement: 'involved', why: 'contradicts the others that are marked' }
        : { ...bar, placement: 'beyond', why: 'no part of the contradiction' },
  )
  return { ...view, operations, order: [], points: [], states: [] }
}

function viewData(
  model: ModelName,
  history: Pick<PartVerdict, 'judgement' | 'operations'>,
  order: readonly number[],
  stateAfter: string | null,
): ViewData {
  const operations = [...history.operations].sort((a, b) => a.call - b.call)
  const timeline = timelineOf(operations)
  const { lanes, at } = lanesOf(operations)
  const indexOf = new Map(operations.map(({ id }, index) => [id, index]))
  const known = order.filter((id) => indexOf.has(id))
  const indexes = known.map((id) => indexOf.get(id) ?? 0)
  const { states, last } = followed(model, operations, indexes)
  const obstacles = obstaclesOf(operations, {
    placements: placementsOf(operations, known),
    state: canFollow(model) ? last : null,
    failed: history.judgement === 'not-linearizable',
  })
  const finalState = stateAfter === null || stateAfter === '' ? stateText(last, model) : visible(stateAfter)
  return {
    lanes: lanes.map(({ name, rows }) => ({ name: visible(name), rows })),
    times: timeline.times,
    places: timeline.places,
    cuts: timeline.cuts,
    operations: operations.map((operation, i) => ({
      id: operation.id,
      lane: at[i]?.lane ?? 0,
      row: at[i]?.row ?? 0,
      call: timeline.calls[i] ?? 0,
      return: timeline.returns[i] ?? null,
      label: clip(labelOf(operation), LABEL_MAX),
      kind: kindOf(operation),
      ...(obstacles[i] ?? { placement: 'open', why: null }),
    })),
    order: indexes,
    points: pointsOf(timeline, indexes),
    states,
    stateAfter: clip(canFollow(model) || stateAfter !== null ? finalState : '', LABEL_MAX),
  }
}

/** Only what contradicts the state is shown as stuck, where some of it does: a write fits everywhere, and is not what went wrong. */
function obstaclesOf(
  operations: readonly Operation[],
  {
    placements,
    state,
    failed,
  }: { placements: readonly Placement[]; state: FollowedState | null; failed: boolean },
): readonly { readonly placement: Placement; readonly why: string | null }[] {
  if (!failed) {
    // A search that was ended has refuted nothing.
    return placements.map((placement) =>
      placement === 'stuck' || placement === 'beyond'
        ? { placement: 'beyond', why: 'not placed by the order found so far' }
        : { placement, why: null },
    )
  }
  const found = operations.map((operation, i) => ({
    placement: placements[i] ?? 'open',
    why: placements[i] === 'stuck' && state !== null ? follow(new Map(state), operation) : null,
  }))
  if (found.every(({ why }) => why === null)) return found
  return found.map(({ placement, why }) =>
    placement === 'stuck' && why === null
      ? { placement: 'beyond', why: 'could come next, but leads no further' }
      : { placement, why },
  )
}

function followed(
  model: ModelName,
  operations: readonly Operation[],
  order: readonly number[],
): { states: readonly (string | null)[]; last: FollowedState } {
  const state: FollowedState = new Map()
  if (!canFollow(model)) return { states: order.map(() => null), last: state }
  const states = order.map((index) => {
    const operation = operations[index]
    if (operation !== undefined) follow(state, operation)
    return stateText(state, model)
  })
  return { states, last: state }
}
