/**
 * The lecture's board: a few servers, the terms in their logs, and the real Raft core moved by hand. Nothing happens by itself; disks are instant; messages wait until
 * a wave of them is delivered. Each wave is a frame.
 */

import type { HardState, RaftEvent, RaftOutbox, SnapshotPart } from '../../../coordinator/raft/events.ts'
import {
  asLogIndex,
  asMemberId,
  asProposalId,
  asTerm,
  type MemberId,
  type WriteId,
} from '../../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS } from '../../../coordinator/raft/limits.ts'
import type { LogEntry, SnapshotMeta } from '../../../coordinator/raft/log.ts'
import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import { createRaft, EMPTY_SNAPSHOT, type Raft } from '../../../coordinator/raft/state.ts'
import { step } from '../../../coordinator/raft/step.ts'
import { InvariantViolation } from '../../../protocol/invariants.ts'
import type { StageArrow, StageFrame, StageNode, StageSlot, StageTone } from '../stage/frame.ts'
import { captionOf, fieldsOf, labelOf } from './captions.ts'

export interface RaftBoardSetup {
  /** Terms of the log's entries, from index 1. */
  readonly logs: Readonly<Record<string, readonly number[]>>
  /** What everybody has heard of at least. Default: the highest in any log. */
  readonly term?: number
  /** Left out: the rule that a higher last term beats a longer log (Raft §5.4.1). */
  readonly longestLogWins?: boolean
}

export interface Travelling {
  readonly from: string
  readonly to: string
  readonly message: RaftMessage
}

const LIMITS = { ...DEFAULT_RAFT_LIMITS, retainedEntriesMax: 0, retainedBytesMax: 0 }
/** Everybody waits for as long as may be; who stands is decided by hand. */
const LATE = { next: () => 0.999 }
const WAVES_MAX = 60
const bytesOf = (text: string) => new TextEncoder().encode(text)

/** What is on one server's disk. */
interface Disk {
  readonly hardState: HardState
  readonly entries: readonly LogEntry[]
  readonly snapshot: SnapshotMeta
}

export class RaftBoard {
  readonly frames: StageFrame[] = []
  /** The invariant that a core found broken, and stopped for. */
  violation: string | null = null
  readonly #rafts = new Map<string, Raft>()
  readonly #down = new Set<string>()
  readonly #cut = new Set<string>()
  readonly #longestLogWins: boolean
  #inFlight: Travelling[] = []
  #before = new Map<string, readonly StageSlot[]>()
  #proposals = 0
  /** What is in flight is a copy of what was delivered before. */
  #isOld = false

  constructor({ logs, term, longestLogWins = false }: RaftBoardSetup) {
    this.#longestLogWins = longestLogWins
    const known = Math.max(term ?? 0, ...Object.values(logs).flat())
    for (const [id, terms] of Object.entries(logs)) {
      const hardState = { term: asTerm(known), votedFor: null }
      this.#start(id, { hardState, entries: entriesOf(terms), snapshot: EMPTY_SNAPSHOT }, Object.keys(logs))
    }
    for (const id of this.#rafts.keys()) this.#before.set(id, this.#slots(id))
  }

  /** @throws {RangeError} no server of that name. */
  raft(id: string): Raft {
    const raft = this.#rafts.get(id)
    if (raft === undefined) throw new RangeError(`no server ${id} on this board`)
    return raft
  }

  get leaders(): readonly string[] {
    return [...this.#rafts].flatMap(([id, raft]) =>
      raft.role.type === 'leader' && !this.#down.has(id) ? [id] : [],
    )
  }

  crash(id: string): void {
    this.#down.add(id)
    this.#inFlight = this.#inFlight.filter(({ from }) => from !== id)
  }

  /** It comes back with what its disk held; `forgetful`: without the term and the vote that it must keep (Raft §5.1). */
  restart(id: string, { forgetful = false }: { readonly forgetful?: boolean } = {}): void {
    const { term, votedFor, log, voters } = this.raft(id)
    const hardState = forgetful ? { term: asTerm(log.lastTerm), votedFor: null } : { term, votedFor }
    const entries = log.slice(asLogIndex(log.base.lastIndex + 1), log.last)
    this.#start(id, { hardState, entries, snapshot: log.snapshot }, voters)
    this.#down.delete(id)
  }

  /** Nothing passes between the two. */
  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`)
  }

  heal(): void {
    this.#cut.clear()
  }

  /** Nobody has heard a leader for long, and this server's timer is the first to run out. */
  stand(id: string): void {
    for (const [other, raft] of this.#rafts) {
      if (other === id || this.#down.has(other) || raft.role.type === 'leader') continue
      while (raft.electionElapsed < LIMITS.electionTicksMin) this.#step(other, { type: 'tick' })
    }
    for (let tick = 0; tick <= LIMITS.electionTicksMax; tick++) {
      this.#step(id, { type: 'tick' })
      if (this.raft(id).role.type !== 'follower') return
    }
  }

  /** The leader takes a client's command. */
  propose(id: string, command: string): void {
    const commands = [{ id: asProposalId(++this.#proposals), command: bytesOf(command) }]
    this.#step(id, { type: 'propose', commands })
  }

  /** A snapshot takes the place of all that this server knows to be committed (Raft §7). */
  compact(id: string): void {
    const { commit, log } = this.raft(id)
    const lastTerm = log.termAt(commit)
    if (lastTerm !== null) this.#step(id, { type: 'compacted', meta: { lastIndex: commit, lastTerm } })
  }

  /** The leader is heard, and so learns what was lost. */
  heartbeat(id: string): void {
    for (let tick = 0; tick < LIMITS.heartbeatTicks; tick++) this.#step(id, { type: 'tick' })
  }

  /** A copy of a message that was delivered long ago arrives again. */
  again(message: Travelling): void {
    this.#inFlight.push(message)
    this.#isOld = true
  }

  /**
   * Delivers what is in flight, and what that leads to, wave by wave, until nothing is, or `until` says so. A frame for each.
   *
   * @returns all that was delivered.
   */
  settle(until: () => boolean = () => false): readonly Travelling[] {
    const delivered: Travelling[] = []
    for (let wave = 0; wave < WAVES_MAX && this.#inFlight.length > 0 && !until(); wave++) {
      const messages = this.#inFlight
      this.#inFlight = []
      const arrows = messages.map((each) => this.#deliver(each, delivered))
      if (this.violation !== null) {
        this.draw(this.violation, { arrows, tone: 'bad' })
        return delivered
      }
      const old = this.#isOld ? 'Once more, from long ago: ' : ''
      this.#isOld = false
      this.draw(old + captionOf(messages), { arrows, cites: messages.some(isConflict) ? 'Raft §5.3' : null })
    }
    return delivered
  }

  draw(
    caption: string,
    {
      arrows = [],
      tone = 'plain',
      cites = null,
    }: {
      readonly arrows?: readonly StageArrow[]
      readonly tone?: StageTone
      readonly cites?: string | null
    } = {},
  ): void {
    const nodes = [...this.#rafts.keys()].map((id) => this.#node(id))
    this.frames.push({ caption, cites, nodes, arrows, tone, operations: [] })
    for (const id of this.#rafts.keys()) this.#before.set(id, this.#slots(id))
  }

  #deliver({ from, to, message }: Travelling, delivered: Travelling[]): StageArrow {
    const drawn = { from, to, label: labelOf(message), fields: fieldsOf(message) }
    if (this.#down.has(to) || this.#cut.has(`${from} ${to}`) || this.violation !== null)
      return { ...drawn, outcome: 'lost' }
    delivered.push({ from, to, message })
    this.#step(to, { type: 'message', from: asMemberId(from), message: this.#asToldTo(to, message) })
    return { ...drawn, outcome: isRefusal(message) ? 'refused' : 'delivered' }
  }

  /** How the rule is left out without touching the core: the voter is made to believe that the last terms are the same, so that only lengths count. */
  #asToldTo(voter: string, message: RaftMessage): RaftMessage {
    if (!this.#longestLogWins) return message
    if (message.type !== 'vote-request' && message.type !== 'pre-vote-request') return message
    return { ...message, lastTerm: this.raft(voter).log.lastTerm }
  }

  #start(id: string, disk: Disk, voters: readonly string[]): void {
    const raft = createRaft({
      self: asMemberId(id),
      voters: voters.map(asMemberId),
      ...disk,
      rng: LATE,
      limits: LIMITS,
    })
    this.#rafts.set(id, raft)
  }

  #step(id: string, event: RaftEvent): void {
    const out = new Effects(id, this.#inFlight)
    try {
      step(this.raft(id), event, out)
    } catch (error) {
      if (!(error instanceof InvariantViolation)) throw error
      this.violation = `${id} stops: ${error.message}`
      this.#down.add(id)
      return
    }
    const { written, wanted } = out
    if (written !== null) this.#step(id, { type: 'durable', write: written })
    const { snapshot } = this.raft(id).log
    for (const to of wanted)
      this.#step(id, {
        type: 'snapshot-chunk-read',
        to,
        meta: snapshot,
        offset: 0,
        bytes: bytesOf('state'),
        done: true,
      })
  }

  #slots(id: string): readonly StageSlot[] {
    const { log, commit } = this.raft(id)
    const covered = Array.from({ length: log.base.lastIndex }, (_, i) => ({
      index: i + 1,
      text: '',
      mark: 'snapshot' as const,
    }))
    const held = log.slice(asLogIndex(log.base.lastIndex + 1), log.last).map(({ index, term }): StageSlot => {
      return { index, text: `${term}`, mark: index <= commit ? 'committed' : 'plain' }
    })
    return [...covered, ...held]
  }

  #node(id: string): StageNode {
    const raft = this.raft(id)
    const before = this.#before.get(id) ?? []
    const now = this.#slots(id)
    const isThere = (slot: StageSlot) =>
      now.some(({ index, text, mark }) => index === slot.index && (text === slot.text || mark === 'snapshot'))
    const wasThere = (slot: StageSlot) =>
      before.some(({ index, text }) => index === slot.index && text === slot.text)
    const slots = now.map((slot) =>
      slot.mark === 'plain' && !wasThere(slot) ? { ...slot, mark: 'new' as const } : slot,
    )
    const notes = [`commit ${raft.commit}`]
    if (raft.votedFor !== null) notes.push(`voted for ${raft.votedFor} in term ${raft.term}`)
    if (raft.log.snapshot.lastIndex > 0) notes.push(`snapshot up to ${raft.log.snapshot.lastIndex}`)
    return {
      id,
      role: this.#down.has(id) ? 'down' : raft.role.type,
      state: this.#down.has(id) ? 'down' : 'up',
      term: raft.term,
      slots,
      dropped: before.filter((slot) => !isThere(slot)),
      notes,
    }
  }
}

/** The effects of one step. Its messages are put in flight. */
class Effects implements RaftOutbox {
  /** The last write: on the disk at once. */
  written: WriteId | null = null
  readonly wanted: MemberId[] = []
  readonly #self: string
  readonly #inFlight: Travelling[]

  constructor(self: string, inFlight: Travelling[]) {
    this.#self = self
    this.#inFlight = inFlight
  }

  persist({ write }: { readonly write: WriteId }): void {
    this.written = write
  }
  send(to: MemberId, message: RaftMessage): void {
    this.#inFlight.push({ from: this.#self, to, message })
  }
  readSnapshot(to: MemberId): void {
    this.wanted.push(to)
  }
  installSnapshot({ done }: SnapshotPart, write: WriteId): void {
    if (done) this.written = write
  }
  commit(): void {}
  proposed(): void {}
  rejectProposal(): void {}
  readReady(): void {}
  readRefused(): void {}
  roleChanged(): void {}
}

/** Entries of these terms; those of the same place and term are the same. */
const entriesOf = (terms: readonly number[]): readonly LogEntry[] =>
  terms.map((term, i) => ({ term: asTerm(term), index: asLogIndex(i + 1), command: bytesOf(`${term}`) }))

const isConflict = ({ message }: Travelling) =>
  message.type === 'append-reply' && message.outcome.type === 'conflict'

const isRefusal = (message: RaftMessage): boolean =>
  ((message.type === 'vote-reply' || message.type === 'pre-vote-reply') && !message.granted) ||
  (message.type === 'append-reply' && message.outcome.type === 'conflict')
