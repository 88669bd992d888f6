/** Runs an exploration with a clock, and says what it found. */
import { ChainModel } from '../../lab/explore/chain/model.ts'
import type { ChainScope } from '../../lab/explore/chain/scope.ts'
import type { WrongChain } from '../../lab/explore/chain/wrong.ts'
import { RaftModel, type RaftScope } from '../../lab/explore/raft/model.ts'
import type { WrongRaft } from '../../lab/explore/raft/wrong.ts'
import { type Model, Search } from '../../lab/explore/search.ts'
import { note, say, sayJson } from '../output.ts'

export interface ExploreLimits {
  readonly depthMax: number
  readonly statesMax: number
  readonly minutes: number
  readonly json: boolean
}

type Sized = Model & {
  readonly sizes: { readonly locals: number; readonly pairs: number; readonly coreSteps: number }
}

export function exploreChain(
  scope: ChainScope,
  limits: ExploreLimits,
  wrong: WrongChain | null,
): Promise<void> {
  const { members, writes, reads, crashes, joins, lapses, restarts, hasty, holds, snapshots } = scope
  const parts = [
    `a chain of ${members}`,
    ...[
      [writes, 'write'],
      [reads, 'read'],
      [crashes, 'crash'],
      [joins, 'join'],
      [lapses, 'lapse'],
      [restarts, 'restart'],
      [hasty, 'early retry'],
    ].flatMap(([count, name]) => (count === 0 ? [] : [`${count} x ${name}`])),
    ...(snapshots ? ['snapshots'] : []),
    boundOf(holds),
  ]
  if (wrong !== null) parts.push(`and ${wrong.says}`)
  return explore(new ChainModel(scope, wrong?.faults), { title: parts.join(', '), scope, limits })
}

/** The bound is one of the orders that are looked at, not of time. */
function boundOf(holds: number | null): string {
  if (holds === null) return 'every order'
  const held = holds === 0 ? 'nothing' : `at most ${holds} of the other things`
  return `requests and faults at any moment, ${held} held up, the rest in one order`
}

export function exploreRaft(scope: RaftScope, limits: ExploreLimits, wrong: WrongRaft | null): Promise<void> {
  const { members, entries, crashes, campaigns, heartbeats, network } = scope
  const title =
    `a Raft ensemble of ${members}, ${entries} x entry, ${crashes} x crash, ${campaigns} x campaign, ` +
    `${heartbeats} x heartbeat, every order (${network === 'any' ? 'messages overtake each other' : 'links are FIFO'})`
  const says = wrong === null ? '' : `, and ${wrong.says}`
  return explore(new RaftModel(scope, wrong?.faults), { title: `${title}${says}`, scope, limits })
}

const SLICE = 5000
const PROGRESS_MS = 2000

async function explore(
  model: Sized,
  run: { readonly title: string; readonly scope: object; readonly limits: ExploreLimits },
): Promise<void> {
  const { limits } = run
  const search = new Search(model, limits)
  const startedAt = performance.now()
  const until = startedAt + limits.minutes * 60_000
  let toldAt = startedAt
  if (!limits.json) say(`explores ${run.title}`)
  while (!search.done && performance.now() < until) {
    search.advance(SLICE)
    if (performance.now() - toldAt >= PROGRESS_MS && process.stderr.isTTY) {
      toldAt = performance.now()
      const seconds = (toldAt - startedAt) / 1000
      note(
        `${count(search.states)} states, depth ${search.completeDepth}, ${count(search.frontier)} to go, ${count(Math.round(search.states / seconds))}/s`,
      )
    }
    await new Promise((resolve) => setImmediate(resolve)) // Ctrl-C is heard
  }
  tell(search, model, { ...run, seconds: (performance.now() - startedAt) / 1000 })
  if (search.violation !== null) process.exitCode = 1
}

function tell(
  search: Search,
  model: Sized,
  run: { readonly scope: object; readonly limits: ExploreLimits; readonly seconds: number },
): void {
  const { states, covered, transitions, completeDepth, frontier, missChance, violation } = search
  const { locals, pairs } = model.sizes
  if (run.limits.json) {
    const seconds = Math.round(run.seconds * 10) / 10
    sayJson({
      ...run.scope,
      states,
      covered,
      transitions,
      completeDepth,
      frontier,
      missChance,
      locals,
      pairs,
      seconds,
      violation,
    })
    return
  }
  say(
    `visited ${count(states)} states by ${count(transitions)} steps, in ${run.seconds.toFixed(1)} s; ` +
      `${count(locals)} states of single processes, ${count(pairs)} distinct steps of the cores` +
      (covered === 0 ? '' : `; ${count(covered)} steps led to what another state covers`),
  )
  if (violation !== null) {
    say(`BROKEN after ${violation.steps.length} steps: ${violation.message}`)
    for (const [i, lines] of violation.steps.entries()) say(`${i + 1}. ${lines.join('\n')}`)
    return
  }
  say(
    frontier === 0
      ? `complete: nothing is left to visit; the longest way has ${completeDepth} steps`
      : `complete up to depth ${completeDepth}: every state within so many steps; ${count(frontier)} states beyond were not followed`,
  )
  say(
    `nothing was broken. States are told apart by 64-bit fingerprints: the chance that one was overlooked is below ${missChance.toExponential(1)}`,
  )
}

const count = (n: number): string => n.toLocaleString('en')
