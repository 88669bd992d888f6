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
import { Covering } from './covering.ts'
import { printEffects, printEvent } from './describe.ts'
import { Broken, Judge } from './judge.ts'
import { type ChainParts, Possible, type ServerStates } from './possible.ts'
import { Prefixes } from './prefixes.ts'
import { at, CRASHES, HASTES, LAPSED, LAPSES, leftOf, RESTARTS, Row, TIMES, TIMES_MAX } from './row.ts'
import { CHAIN_SCOPE, type ChainFaults, type ChainScope } from './scope.ts'
import { CHAIN, KEY, RETRY_MS, type ServerEffects, type ServerSummary, serverMachine } from './server.ts'

const HEAL_TIMES_MAX = 40
const HEAL_STEPS_MAX = 4000
const DOWN = 0

export class ChainModel implements Model {
  readonly width: number
  readonly #scope: ChainScope
  readonly #ids: readonly ServerId[]
  readonly #packets = new Interner<ChainMessage | null>()
  readonly #queues = new Queues()
  readonly #locals: ServerStates
  readonly #row: Row
  readonly #possible: Possible
  readonly #prefixes: Prefixes
  readonly #coordinator: Coordinator
  readonly #judge = new Judge()
  readonly #covering: Covering
  readonly #deliveries: number[][] = []
  readonly #tellings = new WeakMap<ChainConfig, number>()
  readonly #next: Int32Array
  readonly #initial: Int32Array
  /** Lines of the step that is being described. */
  #lines: string[] | null = null

  constructor(scope: Partial<ChainScope> = {}, faults: ChainFaults = {}, wrap: Wrap = asItIs) {
    this.#scope = { ...CHAIN_SCOPE, ...scope }
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
    this.#row = new Row(this.#count)
    this.width = this.#row.width
    const parts: ChainParts = {
      scope: this.#scope,
      faults,
      ids: this.#ids,
      row: this.#row,
      locals: this.#locals,
      queues: this.#queues,
      coordinator: this.#coordinator,
      judge: this.#judge,
    }
    this.#possible = new Possible(parts)
    this.#prefixes = new Prefixes(parts)
    this.#covering = new Covering({
      row: this.#row,
      holds: this.#scope.holds ?? 0,
      things: (state) => this.#possible.progress(state).map(thingOf),
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

  #server(state: Int32Array, server: number): ServerSummary {
    return this.#locals.summary(at(state, server))
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
    state[this.#row.treeAt] = this.#coordinator.intern({ config, servers, reports: [] })
    state[this.#row.judgeAt] = this.#judge.begin(writes)
    state[this.#row.budgetAt] =
      (crashes << CRASHES) |
      (lapses << LAPSES) |
      (restarts << RESTARTS) |
      (hasty << HASTES) |
      (TIMES_MAX << TIMES)
    state[this.#row.holdsLeftAt] = this.#scope.holds ?? 0
    for (let i = 0; i < members; i++) this.#perform(this.#next.slice(), code(TELL, i))
    for (let step = 0; step < HEAL_STEPS_MAX; step++) {
      const [action] = this.#possible.progress(this.#next).filter((one) => one >> 16 !== PLAN)
      if (action === undefined) return this.#next.slice()
      this.#perform(this.#next.slice(), action)
    }
    throw new Broken('the chain never comes to rest at its beginning')
  }

  initial(): Int32Array {
    return this.#initial.slice()
  }

  expand(state: Int32Array, visitor: Visitor): void {
    for (const action of this.#possible.enabled(state)) {
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
        const list = this.#queues.list(at(next, this.#row.link(a, b)))
        next[this.#row.link(a, b)] = this.#queues.of(list.slice(list.indexOf(DOWN, 1)))
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
        if (!this.#possible.mayExpire(next, a)) this.#spend(LAPSES)
        next[this.#row.treeAt] = this.#coordinator.expire(at(next, this.#row.treeAt), this.#id(a))
        break
      case WRITE:
        this.#write(a)
        break
      case READ:
        this.#read(a)
        break
      case HOLD:
        next[this.#row.holdsLeftAt] = at(next, this.#row.holdsLeftAt) - 1
        next[this.#row.heldAt] = at(next, this.#row.heldAt) | (1 << a)
        return
      case RELEASE:
        next[this.#row.heldAt] = at(next, this.#row.heldAt) & ~(1 << a)
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
        this.#next[this.#row.budgetAt] = at(this.#next, this.#row.budgetAt) | (1 << (LAPSED + a))
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
        if (leftOf(at(this.#next, this.#row.budgetAt), TIMES) > 0) this.#spend(TIMES)
        for (let i = 0; i < this.#count; i++) if (this.#server(this.#next, i).up) this.#pass(i)
        break
      default:
        throw new RangeError(`no action ${kind}`)
    }
  }

  #spend(which: number): void {
    this.#next[this.#row.budgetAt] = at(this.#next, this.#row.budgetAt) - (1 << which)
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
    const queue = at(this.#next, this.#row.link(from, to))
    const packet = this.#queues.first(queue)
    this.#next[this.#row.link(from, to)] = this.#queues.rest(queue)
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
    const { config } = this.#coordinator.tree(at(this.#next, this.#row.treeAt))
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
    const planned = this.#coordinator.planned(at(this.#next, this.#row.treeAt))
    if (planned === null) return
    if (typeof planned === 'string') throw new Broken(planned)
    this.#lines?.push(`    manager: ${planned.reason}`)
    this.#next[this.#row.treeAt] = this.#coordinator.write(at(this.#next, this.#row.treeAt), planned.config)
  }

  #register(server: number): void {
    const { incarnation, holds } = this.#server(this.#next, server)
    this.#next[this.#row.budgetAt] = at(this.#next, this.#row.budgetAt) & ~(1 << (LAPSED + server))
    const tree = at(this.#next, this.#row.treeAt)
    this.#next[this.#row.treeAt] = this.#coordinator.register(tree, {
      server: this.#id(server),
      incarnation,
      holds,
    })
  }

  #write(server: number): void {
    const { id, write } = this.#judge.sendWrite(at(this.#next, this.#row.judgeAt))
    this.#next[this.#row.judgeAt] = id
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
    const { id, request } = this.#judge.sendRead(at(this.#next, this.#row.judgeAt))
    this.#next[this.#row.judgeAt] = id
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
    this.#next[this.#row.judgeAt] = this.#judge.lose(at(this.#next, this.#row.judgeAt), (one) =>
      waiting.includes(one),
    )
    for (let other = 0; other < this.#count; other++) {
      if (other === server) continue
      this.#next[this.#row.link(other, server)] = 0
      if (this.#server(this.#next, other).up) this.#post(server, other, DOWN)
    }
  }

  #post(from: number, to: number, packet: number): void {
    const link = this.#row.link(from, to)
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
    const judged = at(this.#next, this.#row.judgeAt)
    switch (effect.type) {
      case 'report':
        this.#next[this.#row.treeAt] = this.#coordinator.report(
          at(this.#next, this.#row.treeAt),
          effect.report,
        )
        return
      case 'reply':
        this.#next[this.#row.judgeAt] = this.#judge.reply(judged, effect.request, effect.result)
        return
      case 'committed': {
        const { id, isNew } = this.#judge.committed(judged, effect.entry)
        this.#next[this.#row.judgeAt] = id
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
    let judged = at(this.#next, this.#row.judgeAt)
    for (let i = 0; i < this.#count; i++) {
      const { answersAt } = this.#server(this.#next, i)
      if (answersAt === most) judged = this.#judge.seen(judged, this.#id(i), answersAt)
    }
    for (let i = 0; i < this.#count; i++) {
      const { answersAt } = this.#server(this.#next, i)
      if (answersAt >= 0) judged = this.#judge.seen(judged, this.#id(i), answersAt)
    }
    this.#next[this.#row.judgeAt] = judged
  }

  // What must hold.

  check(state: Int32Array): Wrong | null {
    const message = this.#prefixes.check(state)
    if (message !== null) return { message, after: [] }
    return this.#possible.progress(state).length === 0 ? this.#heals(state) : null
  }

  isCovered(state: Int32Array, isVisited: (other: Int32Array) => boolean): boolean {
    return this.#covering.isCovered(state, isVisited)
  }

  take(state: Int32Array, action: number): Int32Array {
    this.#try(state, action)
    return this.#next.slice()
  }

  /** From a state in which nothing goes on by itself: without more faults, time alone must make everything well. */
  #heals(state: Int32Array): Wrong | null {
    let current = state.slice()
    let times = 0
    const after: number[] = []
    for (let step = 0; step < HEAL_STEPS_MAX; step++) {
      const [first] = this.#possible.progress(current)
      if (first === undefined) {
        const wrong = this.#possible.unfinished(current)
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
