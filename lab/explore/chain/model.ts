/**
 * A small chain in which anything may happen next (DESIGN sections 3 to 6): every order of deliveries, syncs, changes of
 * the configuration, client requests and faults, one at a time. The replicas and the planner are the real ones.
 *
 * What is left out, and why that hides nothing that the scope would show otherwise:
 * - A turn holds one event. Several events that arrive together are several turns, with nothing between them.
 * - A sync reports one position. A group commit of more is several syncs in a row.
 * - The coordinator is one value, and hears a report at once: the manager may look at it as late as it likes.
 * - Time stands still while anything can happen without it; then a retry of everybody is due, all at once. `hasty` lets a server's
 *   clock run ahead of everything else.
 * - A lease is a fact that ends; the session may end only afterwards. That this order holds is what DESIGN section 5
 *   derives from clocks, and is not looked at here.
 * - Clients do not retry, and write under no session: a write is sent once, to whoever believes to be the head.
 */
import type { ReplicaEvent } from '../../../chain/events.ts'
import type { ChainLimits } from '../../../chain/limits.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import {
  asEpoch,
  asIncarnation,
  asMillis,
  asRequestId,
  asSeq,
  asServerId,
  type ServerId,
} from '../../../protocol/ids.ts'
import { deepFreeze, plainText } from '../canonical.ts'
import { Interner } from '../interner.ts'
import { asItIs, LocalStates, type Wrap } from '../local-states.ts'
import { Queues } from '../queues.ts'
import type { Model, Visitor, Wrong } from '../search.ts'
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
  titleOf,
  WRITE,
} from './actions.ts'
import { Coordinator } from './coordinator.ts'
import { Covering, TIMES, TIMES_MAX } from './covering.ts'
import { printEffects, printEvent } from './describe.ts'
import { Broken, Judge } from './judge.ts'
import { CHAIN_SCOPE, type ChainFaults, type ChainScope } from './scope.ts'
import {
  CHAIN,
  KEY,
  namesServer,
  RETRY_MS,
  type ServerEffects,
  type ServerEvent,
  type ServerNode,
  type ServerSummary,
  serverMachine,
} from './server.ts'
import { unfinished } from './wholeness.ts'

/** Budgets of faults that are left, in four bits each, and who has lost the lease. */
const CRASHES = 0
const LAPSES = 4
const RESTARTS = 8
const HASTES = 12
const LAPSED = 20
const leftOf = (budget: number, which: number): number => (budget >> which) & 15

const HEAL_TIMES_MAX = 40
const HEAL_STEPS_MAX = 4000
const DOWN = 0

export class ChainModel implements Model {
  readonly width: number
  readonly #scope: ChainScope
  readonly #faults: ChainFaults
  readonly #ids: readonly ServerId[]
  readonly #packets = new Interner<ChainMessage | null>()
  readonly #queues = new Queues()
  readonly #locals: LocalStates<ServerNode, ServerEvent, ServerEffects, ServerSummary>
  readonly #coordinator: Coordinator
  readonly #judge = new Judge()
  readonly #covering: Covering
  readonly #deliveries: number[][] = []
  readonly #tellings = new WeakMap<ChainConfig, number>()
  readonly #pairs = new Map<number, string | null>()
  readonly #places: (
    | { readonly lives: readonly number[]; readonly named: readonly boolean[] }
    | undefined
  )[] = []
  readonly #next: Int32Array
  readonly #initial: Int32Array
  /** Lines of the step that is being described. */
  #lines: string[] | null = null

  constructor(scope: Partial<ChainScope> = {}, faults: ChainFaults = {}, wrap: Wrap = asItIs) {
    this.#scope = { ...CHAIN_SCOPE, ...scope }
    this.#faults = faults
    const { members, joins, snapshots } = this.#scope
    this.#ids = Array.from({ length: members + joins }, (_, i) => asServerId(`n${i + 1}`))
    this.#packets.id('down', null)
    const limits: Partial<ChainLimits> = snapshots ? { retainedBytesMax: 1 } : {}
    const machine = serverMachine({
      ids: this.#ids,
      limits,
      restarts: this.#scope.restarts > 0,
      faults: faults.server ?? {},
      packets: this.#packets,
    })
    this.#locals = new LocalStates(wrap(machine))
    this.#coordinator = new Coordinator({ replication: members + joins, faults: faults.manager ?? {} })
    if (this.#scope.holds !== null && this.#count > 4) throw new RangeError('holds: at most four servers')
    this.width = this.#count + this.#count * this.#count + 5
    this.#covering = new Covering({
      judgeAt: this.#judgeAt,
      budgetAt: this.#budgetAt,
      heldAt: this.#heldAt,
      holdsLeftAt: this.#holdsLeftAt,
      holds: this.#scope.holds ?? 0,
      things: (state) => this.#progress(state).map(thingOf),
      withoutEndedReads: (judged) => this.#judge.withoutEndedReads(judged),
    })
    this.#next = new Int32Array(this.width)
    this.#initial = this.#begin()
  }

  /** Local states of servers, distinct steps of theirs, and steps of the cores that it took. */
  get sizes(): { readonly locals: number; readonly pairs: number; readonly coreSteps: number } {
    return { locals: this.#locals.size, pairs: this.#locals.pairs, coreSteps: this.#locals.coreSteps }
  }

  get #count(): number {
    return this.#ids.length
  }

  // The row: servers, links, coordinator, judge, budgets.

  #link(from: number, to: number): number {
    return this.#count * (1 + from) + to
  }
  get #treeAt(): number {
    return this.width - 5
  }
  get #judgeAt(): number {
    return this.width - 4
  }
  get #budgetAt(): number {
    return this.width - 3
  }
  /** A bit for each thing that is held up. */
  get #heldAt(): number {
    return this.width - 2
  }
  get #holdsLeftAt(): number {
    return this.width - 1
  }
  #server(state: Int32Array, server: number): ServerSummary {
    return this.#locals.summary(at(state, server))
  }
  #isLapsed(state: Int32Array, server: number): boolean {
    return ((at(state, this.#budgetAt) >> (LAPSED + server)) & 1) === 1
  }

  /** Every member has been told of the first configuration, and all links stand. */
  #begin(): Int32Array {
    const { members, writes, crashes, lapses, restarts, hasty } = this.#scope
    const config: ChainConfig = {
      chain: CHAIN,
      epoch: asEpoch(1),
      members: this.#ids
        .slice(0, members)
        .map((server) => ({ server, incarnation: asIncarnation(1), serving: true, leaving: false })),
      joining: null,
      slots: [[0, 16_383]],
    }
    const servers = this.#ids.map((server) => ({ server, incarnation: 1, holds: null }))
    const state = this.#next
    for (let i = 0; i < this.#count; i++) state[i] = this.#locals.root(i)
    state[this.#treeAt] = this.#coordinator.intern({ config, servers, reports: [] })
    state[this.#judgeAt] = this.#judge.begin(writes)
    state[this.#budgetAt] =
      (crashes << CRASHES) |
      (lapses << LAPSES) |
      (restarts << RESTARTS) |
      (hasty << HASTES) |
      (TIMES_MAX << TIMES)
    state[this.#holdsLeftAt] = this.#scope.holds ?? 0
    for (let i = 0; i < members; i++) this.#perform(this.#next.slice(), code(TELL, i))
    for (let step = 0; step < HEAL_STEPS_MAX; step++) {
      const [action] = this.#progress(this.#next).filter((one) => one >> 16 !== PLAN)
      if (action === undefined) return this.#next.slice()
      this.#perform(this.#next.slice(), action)
    }
    throw new Broken('the chain never comes to rest at its beginning')
  }

  initial(): Int32Array {
    return this.#initial.slice()
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

  // What can happen.

  #enabled(state: Int32Array): number[] {
    const progress = this.#progress(state)
    const quiet = progress.length === 0
    const actions = this.#scope.holds === null ? progress : this.#inOrder(state, progress)
    const { writes, reads } = this.#judge.record(at(state, this.#judgeAt))
    const budget = at(state, this.#budgetAt)
    for (let i = 0; i < this.#count; i++) {
      const server = this.#server(state, i)
      if (!server.up) {
        if (leftOf(budget, RESTARTS) > 0)
          for (let choice = 0; choice < server.crashChoices; choice++) actions.push(code(START, i, choice))
        continue
      }
      if (server.takesWrites && writes.includes('unsent')) actions.push(code(WRITE, i))
      if (server.takesReads && reads.length < this.#scope.reads) actions.push(code(READ, i))
      if (leftOf(budget, CRASHES) > 0) actions.push(code(CRASH, i))
      if (leftOf(budget, HASTES) > 0 && server.config !== null) actions.push(code(HASTY, i))
      if (leftOf(budget, LAPSES) > 0 && !this.#isLapsed(state, i) && server.config !== null)
        actions.push(code(this.#faults.expiresEarly ? EXPIRE : LAPSE, i))
      if (leftOf(budget, RESTARTS) > 0 && !this.#isRegistered(state, i)) actions.push(code(RENEW, i))
    }
    if (quiet && leftOf(budget, TIMES) > 0 && this.#unfinished(state) !== null) actions.push(code(TIME))
    return actions
  }

  /** The first thing that is not held up, or to hold it up, or to let go of another. */
  #inOrder(state: Int32Array, progress: readonly number[]): number[] {
    const held = at(state, this.#heldAt)
    const actions: number[] = []
    const first = progress.find((action) => ((held >> thingOf(action)) & 1) === 0)
    if (first !== undefined) {
      const bit = thingOf(first)
      for (const action of progress) if (thingOf(action) === bit) actions.push(action)
      if (at(state, this.#holdsLeftAt) > 0) actions.push(code(HOLD, bit))
    }
    for (let bit = 0; held >> bit !== 0; bit++)
      if (((held >> bit) & 1) === 1) actions.push(code(RELEASE, bit))
    return actions
  }

  /** What happens sooner or later by itself. */
  #progress(state: Int32Array): number[] {
    const actions: number[] = []
    const { config } = this.#coordinator.tree(at(state, this.#treeAt))
    for (let i = 0; i < this.#count; i++) {
      const server = this.#server(state, i)
      if (this.#isRegistered(state, i) && this.#mayExpire(state, i)) actions.push(code(EXPIRE, i))
      if (!server.up) continue
      for (let from = 0; from < this.#count; from++) {
        const queue = at(state, this.#link(from, i))
        if (queue === 0) continue
        actions.push(code(DELIVER, from, i))
        if (this.#queues.zeroAt(queue) > 0) actions.push(code(LOSE, from, i))
      }
      if (server.canSync) actions.push(code(SYNC, i))
      if (server.flushes) actions.push(code(FLUSH, i))
      if (server.epoch < config.epoch && this.#isConcerned(state, i) && this.#isRegistered(state, i))
        actions.push(code(TELL, i))
    }
    if (this.#coordinator.planned(at(state, this.#treeAt)) !== null) actions.push(code(PLAN))
    return actions
  }

  #isRegistered(state: Int32Array, server: number): boolean {
    return this.#placesOf(at(state, this.#treeAt)).lives[server] === this.#server(state, server).incarnation
  }

  /** What the coordinator's state says of each server: the life that is registered, and whether the configuration names it. */
  #placesOf(tree: number): { readonly lives: readonly number[]; readonly named: readonly boolean[] } {
    const known = this.#places[tree]
    if (known !== undefined) return known
    const { config, servers } = this.#coordinator.tree(tree)
    const lives = this.#ids.map((id) => servers.find(({ server }) => server === id)?.incarnation ?? -1)
    const places = { lives, named: this.#ids.map((id) => namesServer(config, id)) }
    this.#places[tree] = places
    return places
  }

  /** A session ends only after its lease (DESIGN section 5). */
  #mayExpire(state: Int32Array, server: number): boolean {
    return !this.#server(state, server).up || this.#isLapsed(state, server)
  }

  /** It is named in the newest configuration, or in the one that it knows. */
  #isConcerned(state: Int32Array, server: number): boolean {
    return this.#server(state, server).named || this.#placesOf(at(state, this.#treeAt)).named[server] === true
  }

  #id(server: number): ServerId {
    return this.#ids[server] ?? asServerId('nobody')
  }

  // What then happens: `#next` becomes what follows `state`.

  #perform(state: Int32Array, action: number): void {
    const next = this.#next
    next.set(state)
    const [a, b] = [(action >> 8) & 255, action & 255]
    switch (action >> 16) {
      case DELIVER:
        this.#deliver(a, b)
        break
      case LOSE: {
        const list = this.#queues.list(at(next, this.#link(a, b)))
        next[this.#link(a, b)] = this.#queues.of(list.slice(list.indexOf(DOWN, 1)))
        break
      }
      case SYNC:
        this.#move(
          a,
          this.#locals.event('sync', () => ({ type: 'sync' })),
        )
        break
      case FLUSH:
        this.#move(
          a,
          this.#locals.event('flush', () => ({ type: 'flush-store' })),
        )
        break
      case TELL:
        this.#tell(a)
        break
      case PLAN:
        this.#plan()
        break
      case EXPIRE:
        if (!this.#mayExpire(next, a)) this.#spend(LAPSES)
        next[this.#treeAt] = this.#coordinator.expire(at(next, this.#treeAt), this.#id(a))
        break
      case WRITE:
        this.#write(a)
        break
      case READ:
        this.#read(a)
        break
      case HOLD:
        next[this.#holdsLeftAt] = at(next, this.#holdsLeftAt) - 1
        next[this.#heldAt] = at(next, this.#heldAt) | (1 << a)
        return
      case RELEASE:
        next[this.#heldAt] = at(next, this.#heldAt) & ~(1 << a)
        return
      default:
        this.#fault(action >> 16, a, b)
    }
    this.#observe()
  }

  #fault(kind: number, a: number, b: number): void {
    switch (kind) {
      case CRASH:
        this.#spend(CRASHES)
        this.#crash(a)
        break
      case LAPSE:
        this.#spend(LAPSES)
        this.#next[this.#budgetAt] = at(this.#next, this.#budgetAt) | (1 << (LAPSED + a))
        this.#step(a, 'lapse', { type: 'lease', untilMs: asMillis(0) })
        break
      case START:
        this.#spend(RESTARTS)
        this.#move(
          a,
          this.#locals.event(`start${b}`, () => ({ type: 'start', choice: b })),
        )
        this.#register(a)
        break
      case RENEW:
        this.#spend(RESTARTS)
        this.#move(
          a,
          this.#locals.event('renew', () => ({ type: 'new-session' })),
        )
        this.#register(a)
        break
      case HASTY:
        this.#spend(HASTES)
        this.#pass(a)
        break
      case TIME:
        if (leftOf(at(this.#next, this.#budgetAt), TIMES) > 0) this.#spend(TIMES)
        for (let i = 0; i < this.#count; i++) if (this.#server(this.#next, i).up) this.#pass(i)
        break
      default:
        throw new RangeError(`no action ${kind}`)
    }
  }

  #spend(which: number): void {
    this.#next[this.#budgetAt] = at(this.#next, this.#budgetAt) - (1 << which)
  }

  #pass(server: number): void {
    this.#move(
      server,
      this.#locals.event('time', () => ({ type: 'time', ms: RETRY_MS })),
    )
  }

  #step(server: number, name: string, event: ReplicaEvent): void {
    this.#move(
      server,
      this.#locals.event(name, () => ({ type: 'step', event: deepFreeze(event) })),
    )
  }

  #deliver(from: number, to: number): void {
    const queue = at(this.#next, this.#link(from, to))
    const packet = this.#queues.first(queue)
    this.#next[this.#link(from, to)] = this.#queues.rest(queue)
    this.#move(to, this.#deliveryOf(from, packet))
  }

  #deliveryOf(from: number, packet: number): number {
    this.#deliveries[from] ??= []
    const known = this.#deliveries[from][packet]
    if (known !== undefined) return known
    const message = this.#packets.value(packet)
    const server = this.#id(from)
    const event: ReplicaEvent =
      message === null ? { type: 'peer-down', server } : { type: 'message', from: server, message }
    const id = this.#locals.event(`from ${from} ${packet}`, () => ({
      type: 'step',
      event: deepFreeze(event),
    }))
    this.#deliveries[from][packet] = id
    return id
  }

  /** A watch fires, and brings the newest configuration. */
  #tell(server: number): void {
    const { config } = this.#coordinator.tree(at(this.#next, this.#treeAt))
    const event =
      this.#tellings.get(config) ??
      this.#locals.event(`config ${plainText(config)}`, () => ({
        type: 'step',
        event: { type: 'config', config },
      }))
    this.#tellings.set(config, event)
    this.#move(server, event)
  }

  #plan(): void {
    const planned = this.#coordinator.planned(at(this.#next, this.#treeAt))
    if (planned === null) return
    if (typeof planned === 'string') throw new Broken(planned)
    this.#lines?.push(`    manager: ${planned.reason}`)
    this.#next[this.#treeAt] = this.#coordinator.write(at(this.#next, this.#treeAt), planned.config)
  }

  #register(server: number): void {
    const { incarnation, holds } = this.#server(this.#next, server)
    this.#next[this.#budgetAt] = at(this.#next, this.#budgetAt) & ~(1 << (LAPSED + server))
    const tree = at(this.#next, this.#treeAt)
    this.#next[this.#treeAt] = this.#coordinator.register(tree, {
      server: this.#id(server),
      incarnation,
      holds,
    })
  }

  #write(server: number): void {
    const { id, write } = this.#judge.sendWrite(at(this.#next, this.#judgeAt))
    this.#next[this.#judgeAt] = id
    this.#step(server, `write ${write}`, {
      type: 'write',
      request: asRequestId(write),
      identity: null,
      command: {
        type: 'put',
        key: KEY,
        value: Uint8Array.of(write),
        expiry: { type: 'keep' },
        condition: null,
      },
    })
  }

  #read(server: number): void {
    const { id, request } = this.#judge.sendRead(at(this.#next, this.#judgeAt))
    this.#next[this.#judgeAt] = id
    this.#step(server, `read ${request}`, {
      type: 'read',
      request: asRequestId(request),
      command: { type: 'get', keys: [KEY] },
      options: { consistency: { type: 'strong' }, atLeast: asSeq(0) },
    })
  }

  /** Whatever it sent may still arrive, up to some point; then the others hear that the link is gone. */
  #crash(server: number): void {
    const { waiting } = this.#server(this.#next, server)
    this.#move(
      server,
      this.#locals.event('crash', () => ({ type: 'crash' })),
    )
    this.#next[this.#judgeAt] = this.#judge.lose(at(this.#next, this.#judgeAt), (one) =>
      waiting.includes(one),
    )
    for (let other = 0; other < this.#count; other++) {
      if (other === server) continue
      this.#next[this.#link(other, server)] = 0
      if (this.#server(this.#next, other).up) this.#post(server, other, DOWN)
    }
  }

  #post(from: number, to: number, packet: number): void {
    const link = this.#link(from, to)
    this.#next[link] = this.#queues.push(at(this.#next, link), packet)
  }

  /** One server handles one event: from the table, or by its core. */
  #move(server: number, event: number): void {
    this.#lines?.push(`${this.#id(server)} <= ${printEvent(this.#locals.eventOf(event))}`)
    const outcome = this.#locals.move(at(this.#next, server), event)
    if (typeof outcome === 'string') throw new Broken(outcome)
    this.#next[server] = outcome.to
    const { sends, others } = outcome.effects
    if (this.#lines !== null) this.#lines.push(...printEffects(outcome.effects, this.#ids, this.#packets))
    for (const { to, packet } of sends)
      if (to >= 0 && this.#server(this.#next, to).up) this.#post(server, to, packet)
    for (const effect of others) this.#judgeEffect(server, effect)
  }

  #judgeEffect(server: number, effect: ServerEffects['others'][number]): void {
    const judged = at(this.#next, this.#judgeAt)
    switch (effect.type) {
      case 'report':
        this.#next[this.#treeAt] = this.#coordinator.report(at(this.#next, this.#treeAt), effect.report)
        return
      case 'reply':
        this.#next[this.#judgeAt] = this.#judge.reply(judged, effect.request, effect.result)
        return
      case 'committed': {
        const { id, isNew } = this.#judge.committed(judged, effect.entry)
        this.#next[this.#judgeAt] = id
        if (isNew) this.#checkDurable(server, effect.entry)
        return
      }
      default:
        return effect satisfies never
    }
  }

  /** AckAfterDurable: whoever calls it committed first speaks for all members of its epoch. */
  #checkDurable(server: number, { epoch, seq }: { readonly epoch: number; readonly seq: number }): void {
    for (const member of this.#server(this.#next, server).config?.members ?? []) {
      const { surviving, incarnation } = this.#server(this.#next, this.#ids.indexOf(member.server))
      if (
        incarnation !== member.incarnation ||
        surviving.entries.has(`${epoch}/${seq}`) ||
        surviving.base >= seq
      )
        continue
      throw new Broken(
        `AckAfterDurable: ${this.#id(server)} commits ${epoch}/${seq}, which ${member.server} could still lose`,
      )
    }
  }

  /** A strong read that is answered on the spot could begin anywhere, at any time. */
  #observe(): void {
    let most = -1
    for (let i = 0; i < this.#count; i++) most = Math.max(most, this.#server(this.#next, i).answersAt)
    if (most < 0) return
    let judged = at(this.#next, this.#judgeAt)
    for (let i = 0; i < this.#count; i++) {
      const { answersAt } = this.#server(this.#next, i)
      if (answersAt === most) judged = this.#judge.seen(judged, this.#id(i), answersAt)
    }
    for (let i = 0; i < this.#count; i++) {
      const { answersAt } = this.#server(this.#next, i)
      if (answersAt >= 0) judged = this.#judge.seen(judged, this.#id(i), answersAt)
    }
    this.#next[this.#judgeAt] = judged
  }

  // What must hold.

  check(state: Int32Array): Wrong | null {
    const message = this.#checkPrefixes(state)
    if (message !== null) return { message, after: [] }
    return this.#progress(state).length === 0 ? this.#heals(state) : null
  }

  isCovered(state: Int32Array, isVisited: (other: Int32Array) => boolean): boolean {
    return this.#covering.isCovered(state, isVisited)
  }

  take(state: Int32Array, action: number): Int32Array {
    this.#try(state, action)
    return this.#next.slice()
  }

  /** UpdatePropagation, where both ends of a link serve and speak of the newest epoch. */
  #checkPrefixes(state: Int32Array): string | null {
    const { config } = this.#coordinator.tree(at(state, this.#treeAt))
    for (let i = 1; i < config.members.length; i++) {
      const [above, below] = [config.members[i - 1], config.members[i]]
      if (above === undefined || below === undefined) continue
      const [a, b] = [this.#ids.indexOf(above.server), this.#ids.indexOf(below.server)]
      const wrong = this.#comparePair(at(state, a), at(state, b), config.epoch)
      if (wrong !== null) return `UpdatePropagation: ${below.server} holds ${wrong}, ${above.server} does not`
    }
    return null
  }

  #comparePair(a: number, b: number, epoch: number): string | null {
    const key = a * 2 ** 24 + b
    const known = this.#pairs.get(key)
    const [above, below] = [this.#locals.summary(a), this.#locals.summary(b)]
    if (!above.serving || !below.serving || above.epoch !== epoch || below.epoch !== epoch) return null
    if (known !== undefined) return known
    const held = new Set(above.entries)
    const extra =
      below.entries.find((entry) => Number(entry.split('/')[1]) > above.base && !held.has(entry)) ?? null
    this.#pairs.set(key, extra)
    return extra
  }

  /** What keeps the chain from being whole and everybody from being answered; null: nothing. */
  #unfinished(state: Int32Array): string | null {
    const { config } = this.#coordinator.tree(at(state, this.#treeAt))
    const record = this.#judge.record(at(state, this.#judgeAt))
    return unfinished(config, record, new Map(this.#ids.map((id, i) => [id, this.#server(state, i)])))
  }

  /** From a state in which nothing goes on by itself: without more faults, time alone must make everything well. */
  #heals(state: Int32Array): Wrong | null {
    let current = state.slice()
    let times = 0
    const after: number[] = []
    for (let step = 0; step < HEAL_STEPS_MAX; step++) {
      const [first] = this.#progress(current)
      if (first === undefined) {
        const wrong = this.#unfinished(current)
        if (wrong === null) return null
        if (++times > HEAL_TIMES_MAX) return { message: `does not heal: ${wrong}`, after }
      }
      after.push(first ?? code(TIME))
      const broken = this.#try(current, first ?? code(TIME))
      if (broken !== null) return { message: broken, after }
      current = this.#next.slice()
    }
    return { message: 'does not heal: it never comes to rest', after }
  }

  describe(state: Int32Array, action: number): readonly string[] {
    this.#lines = []
    this.#try(state, action)
    const lines = this.#lines
    this.#lines = null
    return [titleOf(action, (server) => this.#id(server)), ...lines.map((line) => `    ${line}`)]
  }
}

const at = (state: Int32Array, index: number): number => state[index] ?? 0
