/**
 * Three coordinators in which anything may happen next (Ongaro & Ousterhout 2014): every order of deliveries, of writes
 * that reach disks, of timeouts, proposals and crashes, one at a time. The Raft cores are the real ones.
 *
 * What is left out, and why that hides nothing that the scope would show otherwise:
 * - Time is two facts: a member has not heard its leader for so long that it would vote for another (`quiet`), or so long
 *   that it campaigns. Ticks between them change nothing but counters.
 * - The first to campaign is m1. Before that all members are alike.
 * - A message that is never delivered is lost: with the order `any`, nothing else is needed to lose one.
 * - A crashed member that never starts again is one that is slow, to all others: every crash may be followed by a start.
 */
import type { RaftEvent } from '../../../coordinator/raft/events.ts'
import { asMemberId, type MemberId } from '../../../coordinator/raft/ids.ts'
import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import { deepFreeze, plainText } from '../canonical.ts'
import { Interner } from '../interner.ts'
import { asItIs, LocalStates, type Wrap } from '../local-states.ts'
import { Queues } from '../queues.ts'
import type { Model, Visitor, Wrong } from '../search.ts'
import {
  type MemberEffects,
  type MemberEvent,
  type MemberFaults,
  type MemberNode,
  type MemberSummary,
  memberMachine,
  nameOf,
} from './member.ts'

export interface RaftScope {
  readonly members: number
  /** Commands that clients propose, each once, to whoever leads. */
  readonly entries: number
  readonly crashes: number
  /** How often a member may call an election. */
  readonly campaigns: number
  readonly heartbeats: number
  /** `any`: a message may overtake others and come as late as it likes. `fifo`: as links bring them. */
  readonly network: 'any' | 'fifo'
}

export const RAFT_SCOPE: RaftScope = {
  members: 3,
  entries: 2,
  crashes: 1,
  campaigns: 2,
  heartbeats: 0,
  network: 'fifo',
}

class Broken extends Error {}

interface History {
  /** Who led each term. */
  readonly leaders: readonly (readonly [term: number, member: number])[]
  /** Entries, and the term whose leader committed them. */
  readonly committed: readonly { readonly entry: string; readonly in: number }[]
  readonly proposed: number
}

const DELIVER = 0
const SYNC = 1
const QUIET = 2
const CAMPAIGN = 3
const HEARTBEAT = 4
const PROPOSE = 5
const CRASH = 6
const START = 7
const code = (kind: number, a = 0, b = 0): number => (kind << 16) | (a << 8) | b

const CRASHES = 0
const CAMPAIGNS = 4
const HEARTBEATS = 8
const BEGUN = 12
const leftOf = (budget: number, which: number): number => (budget >> which) & 15
const HEAL_ROUNDS_MAX = 30
const HEAL_STEPS_MAX = 3000

export class RaftModel implements Model {
  readonly width: number
  readonly #scope: RaftScope
  readonly #ids: readonly MemberId[]
  readonly #packets = new Interner<RaftMessage>()
  readonly #queues = new Queues()
  readonly #locals: LocalStates<MemberNode, MemberEvent, MemberEffects, MemberSummary>
  readonly #histories = new Interner<History>()
  readonly #pairs = new Map<number, string | null>()
  readonly #deliveries: number[][] = []
  readonly #next: Int32Array
  #lines: string[] | null = null

  constructor(scope: Partial<RaftScope> = {}, faults: MemberFaults = {}, wrap: Wrap = asItIs) {
    this.#scope = { ...RAFT_SCOPE, ...scope }
    this.#ids = Array.from({ length: this.#scope.members }, (_, i) => asMemberId(`m${i + 1}`))
    this.#locals = new LocalStates(wrap(memberMachine({ ids: this.#ids, faults, packets: this.#packets })))
    this.width = this.#count * (1 + this.#count) + 2
    this.#next = new Int32Array(this.width)
  }

  get sizes(): { readonly locals: number; readonly pairs: number; readonly coreSteps: number } {
    return { locals: this.#locals.size, pairs: this.#locals.pairs, coreSteps: this.#locals.coreSteps }
  }

  get #count(): number {
    return this.#ids.length
  }
  #link(from: number, to: number): number {
    return this.#count * (1 + from) + to
  }
  get #historyAt(): number {
    return this.width - 2
  }
  get #budgetAt(): number {
    return this.width - 1
  }
  #member(state: Int32Array, member: number): MemberSummary {
    return this.#locals.summary(at(state, member))
  }

  initial(): Int32Array {
    const { crashes, campaigns, heartbeats } = this.#scope
    const state = new Int32Array(this.width)
    for (let i = 0; i < this.#count; i++) state[i] = this.#locals.root(i)
    state[this.#historyAt] = this.#intern({ leaders: [], committed: [], proposed: 0 })
    state[this.#budgetAt] = (crashes << CRASHES) | (campaigns << CAMPAIGNS) | (heartbeats << HEARTBEATS)
    return state
  }

  #intern(history: History): number {
    return this.#histories.id(plainText(history), deepFreeze(history))
  }

  expand(state: Int32Array, visitor: Visitor): void {
    for (const action of this.#enabled(state)) {
      const wrong = this.#try(state, action)
      if (wrong === null) visitor.next(action, this.#next)
      else visitor.violation(action, wrong)
    }
  }

  #try(state: Int32Array, action: number): string | null {
    try {
      this.#perform(state, action)
      return null
    } catch (error) {
      if (error instanceof Broken) return error.message
      throw error
    }
  }

  #enabled(state: Int32Array): number[] {
    const actions = this.#progress(state)
    const budget = at(state, this.#budgetAt)
    const { proposed } = this.#histories.value(at(state, this.#historyAt))
    const begun = leftOf(budget, BEGUN) > 0
    for (let i = 0; i < this.#count; i++) {
      const member = this.#member(state, i)
      if (!member.up) {
        for (let kept = 0; kept <= member.pending; kept++) actions.push(code(START, i, kept))
        continue
      }
      const leads = member.role === 'leader'
      if (leads && proposed < this.#scope.entries) actions.push(code(PROPOSE, i))
      if (leads && leftOf(budget, HEARTBEATS) > 0) actions.push(code(HEARTBEAT, i))
      if (member.canQuiet && leftOf(budget, CAMPAIGNS) > 0) actions.push(code(QUIET, i))
      if (!leads && leftOf(budget, CAMPAIGNS) > 0 && (begun || i === 0)) actions.push(code(CAMPAIGN, i))
      if (leftOf(budget, CRASHES) > 0 && begun) actions.push(code(CRASH, i))
    }
    return actions
  }

  /** What happens sooner or later by itself. */
  #progress(state: Int32Array): number[] {
    const actions: number[] = []
    for (let to = 0; to < this.#count; to++) {
      const member = this.#member(state, to)
      if (!member.up) continue
      for (let from = 0; from < this.#count; from++) {
        const list = this.#queues.list(at(state, this.#link(from, to)))
        const choices = this.#scope.network === 'fifo' ? Math.min(1, list.length) : list.length
        for (let i = 0; i < choices; i++) {
          if (i === 0 || list[i] !== list[i - 1]) actions.push(code(DELIVER, from * 16 + to, i))
        }
      }
      if (member.canSync) actions.push(code(SYNC, to))
    }
    return actions
  }

  #perform(state: Int32Array, action: number): void {
    this.#next.set(state)
    const [a, b] = [(action >> 8) & 255, action & 255]
    switch (action >> 16) {
      case DELIVER:
        return this.#deliver(a >> 4, a & 15, b)
      case SYNC:
        return this.#do(a, { type: 'sync' })
      case QUIET:
        return this.#do(a, { type: 'quiet' })
      case CAMPAIGN:
        this.#spend(CAMPAIGNS)
        this.#next[this.#budgetAt] = at(this.#next, this.#budgetAt) | (1 << BEGUN)
        return this.#do(a, { type: 'campaign' })
      case HEARTBEAT:
        this.#spend(HEARTBEATS)
        return this.#do(a, { type: 'heartbeat' })
      case PROPOSE: {
        const history = this.#histories.value(at(this.#next, this.#historyAt))
        this.#next[this.#historyAt] = this.#intern({ ...history, proposed: history.proposed + 1 })
        return this.#do(a, { type: 'propose', command: history.proposed + 1 })
      }
      case CRASH:
        this.#spend(CRASHES)
        if (this.#scope.network === 'fifo')
          for (let i = 0; i < this.#count; i++) this.#next[this.#link(i, a)] = 0
        return this.#do(a, { type: 'crash' })
      case START:
        return this.#do(a, { type: 'start', kept: b })
      default:
        throw new RangeError(`no action ${action}`)
    }
  }

  #spend(which: number): void {
    if (leftOf(at(this.#next, this.#budgetAt), which) > 0)
      this.#next[this.#budgetAt] = at(this.#next, this.#budgetAt) - (1 << which)
  }

  #do(member: number, event: Exclude<MemberEvent, { type: 'step' }>): void {
    const detail = event.type === 'start' ? event.kept : event.type === 'propose' ? event.command : ''
    this.#move(
      member,
      this.#locals.event(`${event.type}${detail}`, () => event),
    )
  }

  #deliver(from: number, to: number, position: number): void {
    const link = this.#link(from, to)
    const list = this.#queues.list(at(this.#next, link))
    const packet = list[position] ?? 0
    this.#next[link] = this.#queues.of(list.toSpliced(position, 1))
    this.#deliveries[from] ??= []
    let event = this.#deliveries[from][packet]
    if (event === undefined) {
      const message = this.#packets.value(packet)
      const received: RaftEvent = { type: 'message', from: this.#ids[from] ?? asMemberId('nobody'), message }
      event = this.#locals.event(`from ${from} ${packet}`, () => ({
        type: 'step',
        event: deepFreeze(received),
      }))
      this.#deliveries[from][packet] = event
    }
    this.#move(to, event)
  }

  #post(from: number, to: number, packet: number): void {
    const link = this.#link(from, to)
    const queue = at(this.#next, link)
    if (this.#scope.network === 'fifo') this.#next[link] = this.#queues.push(queue, packet)
    else this.#next[link] = this.#queues.of([...this.#queues.list(queue), packet].sort((x, y) => x - y))
  }

  #move(member: number, event: number): void {
    this.#lines?.push(`${this.#ids[member]} <= ${printEvent(this.#locals.eventOf(event))}`)
    const outcome = this.#locals.move(at(this.#next, member), event)
    if (typeof outcome === 'string') throw new Broken(outcome)
    this.#next[member] = outcome.to
    const { sends, applied } = outcome.effects
    for (const { to, packet } of sends) {
      this.#lines?.push(`    -> ${this.#ids[to]} ${printMessage(this.#packets.value(packet))}`)
      const lost = this.#scope.network === 'fifo' && !this.#member(this.#next, to).up
      if (!lost) this.#post(member, to, packet)
    }
    this.#lines?.push(`    ${printSummary(this.#member(this.#next, member))}`)
    this.#judgeLeader(member)
    for (const entry of applied) this.#judgeApplied(member, nameOf(entry), entry.index)
  }

  /** ElectionSafety (Raft §5.2), and LeaderCompleteness (§5.4) at the moment of the election. */
  #judgeLeader(member: number): void {
    const { role, term, log } = this.#member(this.#next, member)
    if (role !== 'leader') return
    const history = this.#histories.value(at(this.#next, this.#historyAt))
    const known = history.leaders.find(([led]) => led === term)
    if (known !== undefined) {
      if (known[1] === member) return
      throw new Broken(`ElectionSafety: ${this.#ids[known[1]]} and ${this.#ids[member]} lead term ${term}`)
    }
    // A leader of an earlier term may win late: it owes nothing to those after it.
    const missing = history.committed.find((one, i) => one.in < term && log[i] !== one.entry)
    if (missing !== undefined)
      throw new Broken(`LeaderCompleteness: ${this.#ids[member]} leads term ${term} without ${missing.entry}`)
    const leaders = [...history.leaders, [term, member] as const].sort(([a], [b]) => a - b)
    this.#next[this.#historyAt] = this.#intern({ ...history, leaders })
  }

  /** StateMachineSafety (Raft §5.4.3), and that what is committed would survive a power cut of everything. */
  #judgeApplied(member: number, entry: string, index: number): void {
    const history = this.#histories.value(at(this.#next, this.#historyAt))
    const known = history.committed[index - 1]?.entry
    if (known === entry) return
    if (known !== undefined)
      throw new Broken(`StateMachineSafety: ${this.#ids[member]} applies ${entry}, ${known} was applied`)
    if (index !== history.committed.length + 1)
      throw new Broken(
        `StateMachineSafety: ${this.#ids[member]} applies ${entry} after ${history.committed.length}`,
      )
    const [, term] = entry.split('/')
    let holders = 0
    for (let i = 0; i < this.#count; i++)
      if (this.#member(this.#next, i).disk.has(`${index}/${term}`)) holders++
    if (holders * 2 <= this.#count)
      throw new Broken(`AckAfterDurable: ${this.#ids[member]} commits ${entry}, durable on ${holders}`)
    const committed = [...history.committed, { entry, in: this.#member(this.#next, member).term }]
    this.#next[this.#historyAt] = this.#intern({ ...history, committed })
  }

  check(state: Int32Array): Wrong | null {
    for (let a = 0; a < this.#count; a++) {
      for (let b = a + 1; b < this.#count; b++) {
        const wrong = this.#compare(at(state, a), at(state, b))
        if (wrong !== null)
          return { message: `LogMatching: ${this.#ids[a]} and ${this.#ids[b]}: ${wrong}`, after: [] }
      }
    }
    return this.#progress(state).length === 0 ? this.#heals(state) : null
  }

  take(state: Int32Array, action: number): Int32Array {
    this.#try(state, action)
    return this.#next.slice()
  }

  /** LogMatching (Raft §5.3). */
  #compare(a: number, b: number): string | null {
    const key = a * 2 ** 24 + b
    const known = this.#pairs.get(key)
    if (known !== undefined) return known
    const [x, y] = [this.#locals.summary(a).log, this.#locals.summary(b).log]
    const placeOf = (entry: string) => entry.slice(0, entry.lastIndexOf('/'))
    let agreed = Math.min(x.length, y.length)
    while (agreed > 0 && placeOf(x[agreed - 1] ?? '') !== placeOf(y[agreed - 1] ?? '')) agreed--
    const differs = x.slice(0, agreed).find((entry, i) => entry !== y[i])
    const wrong = differs === undefined ? null : `they agree on ${x[agreed - 1]} and not on ${differs}`
    this.#pairs.set(key, wrong)
    return wrong
  }

  /** Without more faults, fair time makes somebody lead and everybody hold the same. */
  #heals(state: Int32Array): Wrong | null {
    let current = state.slice()
    const after: number[] = []
    for (let round = 0; round < HEAL_ROUNDS_MAX; ) {
      const resting = this.#progress(current).length === 0
      if (resting && this.#isWell(current)) return null
      const action = this.#restart(current) ?? this.#progress(current)[0] ?? this.#promotion(current, round)
      if (resting) round++
      after.push(action)
      const message = this.#try(current, action)
      if (message !== null) return { message, after }
      current = this.#next.slice()
      if (after.length > HEAL_STEPS_MAX) return { message: 'does not heal: it never comes to rest', after }
    }
    return { message: 'does not heal: no leader brings all to the same end', after }
  }

  #restart(state: Int32Array): number | null {
    const down = this.#ids.findIndex((_, i) => !this.#member(state, i).up)
    return down < 0 ? null : code(START, down)
  }

  #leaderOf(members: readonly MemberSummary[]): number {
    const term = Math.max(...members.map((member) => member.term))
    return members.findIndex((member) => member.role === 'leader' && member.term === term)
  }

  #isWell(state: Int32Array): boolean {
    const members = this.#ids.map((_, i) => this.#member(state, i))
    const [first] = members
    if (first === undefined || this.#leaderOf(members) < 0 || members.some(({ up }) => !up)) return false
    return members.every(
      ({ log, commit }) => log.length > 0 && commit === log.length && log.join() === first.log.join(),
    )
  }

  /** Time passes: the leader is heard; or nobody leads, all notice it, and one campaigns. */
  #promotion(state: Int32Array, round: number): number {
    const members = this.#ids.map((_, i) => this.#member(state, i))
    const leader = this.#leaderOf(members)
    if (leader >= 0) return code(HEARTBEAT, leader)
    const waiting = members.findIndex((member) => member.canQuiet)
    if (waiting >= 0) return code(QUIET, waiting)
    const next = members.findIndex((member, i) => i >= round % this.#count && member.role !== 'leader')
    return code(CAMPAIGN, Math.max(0, next))
  }

  describe(state: Int32Array, action: number): readonly string[] {
    this.#lines = []
    this.#try(state, action)
    const lines = this.#lines
    this.#lines = null
    return [this.#title(action), ...lines.map((line) => `    ${line}`)]
  }

  #title(action: number): string {
    const a = (action >> 8) & 255
    const name = this.#ids[a]
    const titles: Readonly<{ [kind: number]: string }> = {
      [DELIVER]: `${this.#ids[a >> 4]} is heard by ${this.#ids[a & 15]}`,
      [SYNC]: `a write of ${name} reaches its disk`,
      [QUIET]: `${name} has not heard its leader for a while`,
      [CAMPAIGN]: `${name} campaigns`,
      [HEARTBEAT]: `${name} sends heartbeats`,
      [PROPOSE]: `a client proposes at ${name}`,
      [CRASH]: `${name} crashes`,
      [START]: `${name} starts again; ${action & 255} writes on their way had reached its disk`,
    }
    return titles[action >> 16] ?? '?'
  }
}

const bytes = (_: string, part: unknown) => (part instanceof Uint8Array ? [...part].join(' ') : part)

function printMessage({ type, ...rest }: RaftMessage): string {
  const shown = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value, bytes)}`)
  return `${type} ${shown.join(' ')}`
}

function printEvent(event: MemberEvent): string {
  if (event.type !== 'step') return event.type
  return event.event.type === 'message'
    ? `from ${event.event.from}: ${printMessage(event.event.message)}`
    : event.event.type
}

const printSummary = ({ role, term, commit, log, up }: MemberSummary): string =>
  up ? `(${role}, term ${term}, log [${log.join(' ')}], commit ${commit})` : '(down)'

const at = (state: Int32Array, index: number): number => state[index] ?? 0
