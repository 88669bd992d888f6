/** What can happen next to a small chain, by itself or by clients and faults. */
import type { ServerId } from '../../../protocol/ids.ts'
import type { LocalStates } from '../local-states.ts'
import type { Queues } from '../queues.ts'
import {
  CRASH,
  code,
  DELIVER,
  EXPIRE,
  FLUSH,
  HASTY,
  HOLD,
  LAPSE,
  LOSE,
  PLAN,
  READ,
  RELEASE,
  RENEW,
  START,
  SYNC,
  TELL,
  TIME,
  thingOf,
  WRITE,
} from './actions.ts'
import type { Coordinator } from './coordinator.ts'
import type { Judge } from './judge.ts'
import { at, CRASHES, HASTES, LAPSES, leftOf, RESTARTS, type Row, TIMES } from './row.ts'
import type { ChainFaults, ChainScope } from './scope.ts'
import {
  namesServer,
  type ServerEffects,
  type ServerEvent,
  type ServerNode,
  type ServerSummary,
} from './server.ts'
import { unfinished } from './wholeness.ts'

export type ServerStates = LocalStates<ServerNode, ServerEvent, ServerEffects, ServerSummary>

/** What the numbers in a row stand for. */
export interface ChainParts {
  readonly scope: ChainScope
  readonly faults: ChainFaults
  readonly ids: readonly ServerId[]
  readonly row: Row
  readonly locals: ServerStates
  readonly queues: Queues
  readonly coordinator: Coordinator
  readonly judge: Judge
}

interface Places {
  readonly lives: readonly number[]
  readonly named: readonly boolean[]
}

/** Which actions a state allows. Changes nothing. */
export class Possible {
  readonly #parts: ChainParts
  readonly #row: Row
  readonly #places: (Places | undefined)[] = []

  constructor(parts: ChainParts) {
    this.#parts = parts
    this.#row = parts.row
  }

  #server(state: Int32Array, server: number): ServerSummary {
    return this.#parts.locals.summary(at(state, server))
  }

  /** What goes on by itself, as far as the holds allow, and all requests and faults. */
  enabled(state: Int32Array): number[] {
    const progress = this.progress(state)
    const quiet = progress.length === 0
    const actions = this.#parts.scope.holds === null ? progress : this.#inOrder(state, progress)
    const { writes, reads } = this.#parts.judge.record(at(state, this.#row.judgeAt))
    const budget = at(state, this.#row.budgetAt)
    for (let i = 0; i < this.#row.servers; i++) {
      const server = this.#server(state, i)
      if (!server.up) {
        if (leftOf(budget, RESTARTS) > 0)
          for (let choice = 0; choice < server.crashChoices; choice++) actions.push(code(START, i, choice))
        continue
      }
      if (server.takesWrites && writes.includes('unsent')) actions.push(code(WRITE, i))
      if (server.takesReads && reads.length < this.#parts.scope.reads) actions.push(code(READ, i))
      if (leftOf(budget, CRASHES) > 0) actions.push(code(CRASH, i))
      if (leftOf(budget, HASTES) > 0 && server.config !== null) actions.push(code(HASTY, i))
      if (leftOf(budget, LAPSES) > 0 && !this.#row.isLapsed(state, i) && server.config !== null)
        actions.push(code(this.#parts.faults.expiresEarly ? EXPIRE : LAPSE, i))
      if (leftOf(budget, RESTARTS) > 0 && !this.#isRegistered(state, i)) actions.push(code(RENEW, i))
    }
    if (quiet && leftOf(budget, TIMES) > 0 && this.unfinished(state) !== null) actions.push(code(TIME))
    return actions
  }

  /** The first thing that is not held up, or to hold it up, or to let go of another. */
  #inOrder(state: Int32Array, progress: readonly number[]): number[] {
    const held = at(state, this.#row.heldAt)
    const actions: number[] = []
    const first = progress.find((action) => ((held >> thingOf(action)) & 1) === 0)
    if (first !== undefined) {
      const bit = thingOf(first)
      for (const action of progress) if (thingOf(action) === bit) actions.push(action)
      if (at(state, this.#row.holdsLeftAt) > 0) actions.push(code(HOLD, bit))
    }
    for (let bit = 0; held >> bit !== 0; bit++)
      if (((held >> bit) & 1) === 1) actions.push(code(RELEASE, bit))
    return actions
  }

  /** What happens sooner or later by itself. */
  progress(state: Int32Array): number[] {
    const actions: number[] = []
    const { config } = this.#parts.coordinator.tree(at(state, this.#row.treeAt))
    for (let i = 0; i < this.#row.servers; i++) {
      const server = this.#server(state, i)
      if (this.#isRegistered(state, i) && this.mayExpire(state, i)) actions.push(code(EXPIRE, i))
      if (!server.up) continue
      for (let from = 0; from < this.#row.servers; from++) {
        const queue = at(state, this.#row.link(from, i))
        if (queue === 0) continue
        actions.push(code(DELIVER, from, i))
        if (this.#parts.queues.zeroAt(queue) > 0) actions.push(code(LOSE, from, i))
      }
      if (server.canSync) actions.push(code(SYNC, i))
      if (server.flushes) actions.push(code(FLUSH, i))
      if (server.epoch < config.epoch && this.#isConcerned(state, i) && this.#isRegistered(state, i))
        actions.push(code(TELL, i))
    }
    if (this.#parts.coordinator.planned(at(state, this.#row.treeAt)) !== null) actions.push(code(PLAN))
    return actions
  }

  #isRegistered(state: Int32Array, server: number): boolean {
    return (
      this.#placesOf(at(state, this.#row.treeAt)).lives[server] === this.#server(state, server).incarnation
    )
  }

  /** What the coordinator's state says of each server: the life that is registered, and whether the configuration names it. */
  #placesOf(tree: number): Places {
    const known = this.#places[tree]
    if (known !== undefined) return known
    const { config, servers } = this.#parts.coordinator.tree(tree)
    const lives = this.#parts.ids.map((id) => servers.find(({ server }) => server === id)?.incarnation ?? -1)
    const places = { lives, named: this.#parts.ids.map((id) => namesServer(config, id)) }
    this.#places[tree] = places
    return places
  }

  /** A session ends only after its lease (DESIGN section 5). */
  mayExpire(state: Int32Array, server: number): boolean {
    return !this.#server(state, server).up || this.#row.isLapsed(state, server)
  }

  /** It is named in the newest configuration, or in the one that it knows. */
  #isConcerned(state: Int32Array, server: number): boolean {
    return (
      this.#server(state, server).named || this.#placesOf(at(state, this.#row.treeAt)).named[server] === true
    )
  }

  /** What keeps the chain from being whole and everybody from being answered; null: nothing. */
  unfinished(state: Int32Array): string | null {
    const { config } = this.#parts.coordinator.tree(at(state, this.#row.treeAt))
    const record = this.#parts.judge.record(at(state, this.#row.judgeAt))
    return unfinished(config, record, new Map(this.#parts.ids.map((id, i) => [id, this.#server(state, i)])))
  }
}
