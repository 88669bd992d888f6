import type { Raft } from '../../../coordinator/raft/state.ts'
import type { PeerBody } from '../../../runtime/coordinator/peer-messages.ts'
import type { SimCluster } from '../../simulator/cluster.ts'
import { PEER_DOOR } from '../../simulator/coordinator/sim-coordinator.ts'
import type { ParcelSight } from '../../simulator/kernel/parcel.ts'
import { SimProcess } from '../../simulator/kernel/process.ts'
import { Rng } from '../../simulator/kernel/rng.ts'
import type { SimulationFailure } from '../../simulator/result.ts'
import type { Action } from './action.ts'
import { actionText } from './action-text.ts'
import { Arrows } from './arrows.ts'
import { handlerOf, TIMERS } from './captions.ts'
import { Judge } from './judge.ts'
import { type Changed, MarkWatch } from './marks.ts'
import { MessageTeller, type MessageWords } from './message-words.ts'
import type { BoardOptions } from './options.ts'
import { perform } from './perform.ts'
import type { BoardVerdict, CaptionView, MarkKind, MarkView, ViolationView } from './view.ts'
import { VisitorClient } from './visitor-client.ts'
import { VisitorSession } from './visitor-session.ts'
import { makeWorld } from './world.ts'
import { wronglyHeard } from './wrong-replica.ts'

/** Between events of a long run, so that a page stays alive. Must not settle anything of the run. */
export type Breathe = () => Promise<void>

const WHOLE_WITHIN_US = 120_000_000
/** Until clients have their map. */
const WARM_UP_US = 1_000_000
const BREATHE_EVENTS = 512
const MARKS_MAX = 5_000
/** The first ones count; what follows is mostly their consequence. */
const VIOLATIONS_MAX = 50
const WORDS_MAX = 20_000
/** A long history is judged after so many answers. */
const ANSWERS = 50

/** One run that goes forward only. The same options, and the same actions between the same events, give the same run on every machine. */
export class Run {
  readonly options: BoardOptions
  readonly cluster: SimCluster
  readonly arrows = new Arrows()
  /** New ones are new lists: who shows them sees by identity that there is something new. */
  marks: readonly MarkView[] = []
  violations: readonly ViolationView[] = []
  readonly visitors = new Map<string, VisitorClient>()
  readonly session: VisitorSession
  readonly judge: Judge
  /** Of messages on their way. */
  readonly words = new Map<number, MessageWords>()
  /** The visitor's time begins when the cluster is there. */
  startUs = 0
  startCount = 0
  actions = 0
  answers = 0
  caption: CaptionView | null = null
  readonly #breathe: Breathe | null
  readonly #teller = new MessageTeller()
  readonly #watch: MarkWatch
  #weakReads = 0
  #begun = false
  #mattered = false
  #handled: { readonly parcel: ParcelSight; readonly words: MessageWords } | null = null
  #wrong = false

  constructor(options: BoardOptions, breathe: Breathe | null) {
    this.options = options
    this.#breathe = breathe
    this.cluster = makeWorld(options, (failure) => this.#onFailure(failure))
    this.judge = new Judge(this.cluster.history.events)
    this.#watch = new MarkWatch(this.cluster, (kind, text) => this.mark(kind, text))
    this.cluster.network.watcher = {
      sent: (parcel) => this.#sent(parcel),
      handles: (parcel) => this.#handles(parcel),
      lost: (id) => {
        this.arrows.lost(id, this.atMs)
        this.words.delete(id)
      },
    }
    for (const client of this.cluster.clients)
      this.visitors.set(
        client.process.name,
        new VisitorClient({
          client,
          network: this.cluster.network,
          history: this.cluster.history,
          nowMs: () => this.atMs,
          weakNumber: () => -++this.#weakReads,
          onAnswer: (told) => this.#onAnswer(told),
        }),
      )
    this.session = this.#makeSession()
  }

  #makeSession(): VisitorSession {
    const { kernel } = this.cluster.operator.process
    return new VisitorSession({
      process: new SimProcess(kernel, 'visitor', new Rng(this.options.seed).fork('visitor')),
      network: this.cluster.network,
      coordinators: this.cluster.coordinators.map(({ name }) => name),
      sessionTimeoutMs: this.options.sessionTimeoutMs,
      nowMs: () => this.atMs,
    })
  }

  get atMs(): number {
    return (this.cluster.scheduler.nowUs - this.startUs) / 1000
  }

  get events(): number {
    return this.cluster.scheduler.count - this.startCount
  }

  get hash(): string {
    return this.cluster.trace.hash
  }

  get verdict(): BoardVerdict {
    return this.judge.verdict(this.violations, this.startUs)
  }

  // Forward.

  /** Until every chain is formed, and the clients have their map. Where that takes too long (absurd options), the visitor sees why. */
  async boot(): Promise<void> {
    const { cluster } = this
    const { scheduler } = cluster
    cluster.boot()
    await this.advance(WHOLE_WITHIN_US, () => cluster.isWhole)
    for (const name of this.visitors.keys()) this.startClient(name)
    await this.advance(scheduler.nowUs + WARM_UP_US)
    this.startUs = scheduler.nowUs
    this.startCount = scheduler.count
    this.#begun = true
    this.marks = []
  }

  startClient(name: string): void {
    const visitor = this.visitors.get(name)
    if (visitor === undefined) return
    if (this.options.workload) this.cluster.start(name)
    else visitor.client.boot()
    visitor.begin()
  }

  /** Up to this moment of virtual time; or stops early, where `stop` says so after an event. @returns whether it did. */
  async advance(untilUs: number, stop: () => boolean = () => false): Promise<boolean> {
    const { scheduler } = this.cluster
    if (scheduler.unsettled) await scheduler.settle()
    while (scheduler.step(untilUs)) {
      if (scheduler.unsettled) await scheduler.settle()
      this.#look()
      if (stop()) return true
      if (this.#breathe !== null && scheduler.count % BREATHE_EVENTS === 0) await this.#breathe()
    }
    await scheduler.runUntil(untilUs)
    return false
  }

  /** Up to the next event that matters. */
  async step(everything: boolean, atMostUs: number): Promise<void> {
    const { scheduler } = this.cluster
    this.#mattered = false
    const from = this.events
    await this.advance(scheduler.nowUs + atMostUs, () => this.#mattered || (everything && this.events > from))
  }

  /** Time goes on to this moment, and no event with it: where something was done between two events of one moment. */
  async pass(untilUs: number): Promise<void> {
    const { scheduler } = this.cluster
    if (scheduler.unsettled) await scheduler.settle()
    scheduler.pass(untilUs)
  }

  /** @returns why it cannot be done, or null. */
  act(action: Action): string | null {
    const { cluster } = this
    const refusal = perform(
      {
        cluster,
        visitors: this.visitors,
        session: this.session,
        startClient: (name) => this.startClient(name),
      },
      action,
    )
    if (refusal !== null) return refusal
    this.actions++
    const text = actionText(action)
    cluster.trace.add(cluster.scheduler.nowUs, 'visitor', text)
    this.mark('action', text)
    this.#look()
    return null
  }

  // What is seen.

  mark(kind: MarkKind, text: string): void {
    if (!this.#begun) return
    const kept = this.marks.length >= MARKS_MAX ? this.marks.slice(MARKS_MAX / 4) : this.marks
    this.marks = [...kept, { atMs: this.atMs, kind, text }]
  }

  #look(): void {
    const changed = this.#watch.look()
    const handled = this.#handled
    this.#handled = null
    if (handled !== null && !handled.words.routine) this.#mattered = true
    if (changed !== null) this.#mattered = true
    if (handled !== null && (changed !== null || !handled.words.routine))
      this.caption = captionOf(this.atMs, handled.parcel, handled.words)
    else if (changed !== null) this.caption = captionOfChange(this.atMs, changed)
    const { counts } = this.cluster.history
    if (this.options.workload) {
      const ended = counts.ok + counts.failed + counts.unknown
      if (ended >= this.answers + ANSWERS) {
        this.answers = ended
        this.#lookAtHistory()
      }
    }
  }

  #sent(parcel: ParcelSight): void {
    const words = this.#teller.tell(parcel)
    if (this.words.size >= WORDS_MAX) this.#forgetWords()
    this.words.set(parcel.id, words)
    if (this.#begun) this.arrows.sent(parcel, words, this.atMs)
  }

  #handles(parcel: ParcelSight): unknown {
    const words = this.words.get(parcel.id) ?? this.#teller.tell(parcel)
    this.words.delete(parcel.id)
    this.arrows.received(parcel.id, this.atMs)
    this.#handled = { parcel, words }
    const { mutant } = this.options
    const raft = mutant === null || parcel.door !== PEER_DOOR ? null : this.#raftOf(parcel.to)
    return raft === null || mutant === null
      ? parcel.body
      : wronglyHeard(mutant, raft, parcel.body as PeerBody)
  }

  #raftOf(name: string): Raft | null {
    return this.cluster.coordinators.find((one) => one.name === name)?.member?.raft ?? null
  }

  /** Of those that went down with a process nobody is told. */
  #forgetWords(): void {
    const living = new Set(this.cluster.network.parcels().map(({ id }) => id))
    for (const id of this.words.keys()) if (!living.has(id)) this.words.delete(id)
  }

  /** `told`: the client knows what came of it. Nothing else can make a history wrong. */
  #onAnswer(told: boolean): void {
    this.answers++
    this.#mattered = true
    if (told && (this.answers < ANSWERS || this.answers % ANSWERS === 0)) this.#lookAtHistory()
  }

  #lookAtHistory(): void {
    if (this.#wrong || this.verdict.judgement !== 'not-linearizable') return
    this.#wrong = true
    this.mark('not-linearizable', this.verdict.reason ?? 'no order explains what clients saw')
  }

  #onFailure({ what, kind }: SimulationFailure): void {
    const [who = '', invariant = '', ...said] = what.split(': ')
    const text = kind === 'invariant' && said.length > 0 ? said.join(': ') : what
    const name = kind === 'invariant' ? invariant : null
    this.violations = [...this.violations, { atMs: this.atMs, invariant: name, text }].slice(
      0,
      VIOLATIONS_MAX,
    )
    this.mark('violation', name === null ? text : `${who} breaks ${name}`)
  }
}

function captionOf(
  atMs: number,
  { from, to }: ParcelSight,
  { plane, kind, label }: MessageWords,
): CaptionView {
  const { handler, file, paper } = handlerOf(plane, kind) ?? TIMERS.server
  return { atMs, who: to, text: `${to} handles ${label} from ${from}`, handler, file, paper }
}

function captionOfChange(atMs: number, { who, by }: Changed): CaptionView {
  const text = by === 'disk' ? `the disk of ${who} is done` : `${who} is woken by a timer`
  return { atMs, who, text, ...TIMERS[by] }
}
