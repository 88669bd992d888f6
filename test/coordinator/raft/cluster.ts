/**
 * A small world for the core: a network that loses, repeats, reorders, delays and digs out ancient messages;
 * disks that lose what was not durable; state machines that compact. Every choice comes from one seed. The
 * five properties of Raft (Figure 3) are checked after every step.
 */

import type { RaftEvent } from '../../../coordinator/raft/events.ts'
import type { LogIndex, MemberId, WriteId } from '../../../coordinator/raft/ids.ts'
import {
  asLogIndex,
  asMemberId,
  asProposalId,
  asReadId,
  asTerm,
  asWriteId,
} from '../../../coordinator/raft/ids.ts'
import type { RaftLimits } from '../../../coordinator/raft/limits.ts'
import type { LogEntry, SnapshotMeta } from '../../../coordinator/raft/log.ts'
import type { MemberRow, Membership } from '../../../coordinator/raft/membership.ts'
import { membershipAt, newestOf } from '../../../coordinator/raft/membership.ts'
import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import { fromWire, toWire } from '../../../coordinator/raft/messages.ts'
import { invariant } from '../../../protocol/invariants.ts'
import { DiskImage } from './disk.ts'
import type { Effect } from './member.ts'
import { bytesOf, deepFreeze, isSameEntry, Member, seededRng, textOf } from './member.ts'

const SMALL: Partial<RaftLimits> = {
  electionTicksMin: 5,
  electionTicksMax: 10,
  batchEntriesMax: 4,
  batchBytesMax: 64,
  inflightEntriesMax: 8,
  inflightBytesMax: 128,
  uncommittedEntriesMax: 24,
  uncommittedBytesMax: 4096,
  commandBytesMax: 256,
  retainedEntriesMax: 3,
  snapshotChunkBytesMax: 16,
  snapshotRetryTicks: 6,
}

interface Node {
  readonly id: MemberId
  member: Member
  /** What a power cut would leave. */
  disk: DiskImage
  durable: WriteId
  /** Waiting for a write. */
  held: { readonly to: MemberId; readonly message: RaftMessage; readonly after: WriteId }[]
  up: boolean
  applied: LogIndex
  digest: number
  /** Of the entries since this process began leading, to compare: a leader only appends. */
  led: { readonly term: number; readonly entries: LogEntry[] } | null
  life: number
  /** Of its clock: a leader with a slow one leads on while others have elected the next. */
  rate: number
}

/** What each seed draws anew, so that some runs are without some faults. */
export interface Faults {
  readonly loss: number
  readonly repeat: number
  readonly ancient: number
  readonly reorder: boolean
  readonly crash: number
  readonly cut: number
  readonly compact: number
  readonly transfer: number
  /** How often somebody is added, promoted, demoted or removed. */
  readonly change: number
}

export const NO_FAULTS: Faults = {
  loss: 0,
  repeat: 0,
  ancient: 0,
  reorder: false,
  crash: 0,
  cut: 0,
  compact: 0,
  transfer: 0,
  change: 0,
}

export class Cluster {
  readonly nodes: Node[]
  faults: Faults
  readonly counts = { commits: 0, installs: 0, crashes: 0, elections: 0, reads: 0, forwarded: 0, changes: 0 }
  readonly #rng
  #network: { readonly from: MemberId; readonly to: MemberId; readonly message: RaftMessage }[] = []
  #past: { readonly from: MemberId; readonly to: MemberId; readonly message: RaftMessage }[] = []
  #cut = new Set<MemberId>()
  #committed: LogEntry[] = []
  #digests: number[] = [0]
  #leaders = new Map<number, MemberId>()
  #known = new Map<string, { readonly entry: LogEntry; readonly previousTerm: number }>()
  /** Of each read, what was committed anywhere when it began. */
  #reads = new Map<string, number>()
  #serial = 0
  /** How much time passes between deliveries: more of it, more elections. */
  readonly #haste: number

  readonly #founders: readonly string[]

  /** `spare` members join and leave as the dice say; without any, nothing changes. */
  constructor(seed: number, size: number, spare = 0) {
    this.#rng = seededRng(seed)
    const rng = this.#rng
    const sometimes = (p: number) => (rng.chance(0.6) ? p * rng.next() : 0)
    this.faults = {
      loss: sometimes(0.3),
      repeat: sometimes(0.3),
      ancient: sometimes(0.1),
      reorder: rng.chance(0.6),
      crash: sometimes(0.015),
      cut: sometimes(0.008),
      compact: sometimes(0.1),
      transfer: sometimes(0.02),
      change: spare > 0 ? 0.02 + 0.05 * rng.next() : 0,
    }
    this.#haste = 0.1 + 0.15 * rng.next()
    const ids = Array.from({ length: size + spare }, (_, n) => `m${n + 1}`)
    this.#founders = ids.slice(0, size)
    this.nodes = ids.map((id) => this.#boot(asMemberId(id), new DiskImage(), 0))
  }

  get committed(): number {
    return this.#committed.length
  }

  /** One random happening. */
  turn(): void {
    const rng = this.#rng
    const node = this.#pick()
    if (rng.chance(this.faults.crash)) return this.#crash(node)
    if (!node.up) return rng.chance(0.3) ? this.#restart(node) : undefined
    if (rng.chance(this.faults.cut)) this.#cutOff(node)
    if (rng.chance(this.faults.compact)) return this.#compact(node)
    if (rng.chance(this.faults.transfer))
      return this.#feed(node, { type: 'transfer-leadership', to: this.#pick().id })
    if (rng.chance(this.faults.change)) return this.#changeMembers()
    const dice = rng.next()
    if (dice < 0.5) {
      for (let n = 0; n < 4; n += 1) this.#deliver()
      return
    }
    if (dice < 0.5 + this.#haste) return this.#tickSome()
    if (dice < 0.86) return this.#flushSome()
    if (dice < 0.94) this.#propose(node)
    else this.#read(node)
  }

  /**
   * Ends all faults, then lets fair time pass until every member has applied one new command. Whoever was removed lives on, and must
   * disturb nobody. @returns the ticks it took.
   */
  heal(ticksMax: number): number {
    this.faults = NO_FAULTS
    this.#cut.clear()
    for (const node of this.nodes) if (!node.up) this.#restart(node)
    let goal = Number.POSITIVE_INFINITY
    for (let tick = 1; tick <= ticksMax; tick += 1) {
      for (const node of this.nodes) this.#feed(node, { type: 'tick' })
      this.#settle()
      const leader = this.#leader()
      if (goal === Number.POSITIVE_INFINITY && leader !== undefined && this.#propose(leader)) {
        goal = leader.member.raft.log.last
        for (const node of this.nodes) this.#read(node)
      }
      const belongs = new Set(newestOf(leader?.member.raft.memberships ?? []).members.map(({ id }) => id))
      if (
        goal < Number.POSITIVE_INFINITY &&
        this.nodes.every(({ id, applied }) => applied >= goal || !belongs.has(id))
      )
        return tick
    }
    throw new Error(`no progress in ${ticksMax} ticks: ${this.describe()}`)
  }

  /** Delivers and flushes until nothing is on its way; between two ticks that must end. */
  #settle(): void {
    for (let n = 0; n < 5000; n += 1) {
      if (this.#network.length > 0) this.#deliver()
      else if (this.nodes.some(hasPending)) for (const node of this.nodes) this.#flushAll(node)
      else return
    }
    throw new Error('the network never comes to rest')
  }

  /** Of the newest term. */
  #leader(): Node | undefined {
    return this.nodes
      .filter(({ up, member }) => up && member.raft.role.type === 'leader')
      .sort((a, b) => b.member.raft.term - a.member.raft.term)[0]
  }

  /** Somebody who believes to lead is asked for one more or one fewer voter or learner. */
  #changeMembers(): void {
    const rng = this.#rng
    const leaders = this.nodes.filter(({ member }) => member.raft.role.type === 'leader')
    const node = leaders[rng.below(leaders.length)]
    if (node === undefined) return
    const { members } = newestOf(node.member.raft.memberships)
    const { id } = this.#pick()
    const others = members.filter((row) => row.id !== id)
    const kept = members.find((row) => row.id === id)
    const row: MemberRow = { id, voter: rng.chance(0.7), address: '' }
    const changed = kept === undefined || rng.chance(0.4) ? [...others, row] : others
    this.#serial += 1
    const before = node.member.raft.memberships
    this.#feed(node, { type: 'change-membership', id: asProposalId(this.#serial), members: changed })
    if (node.member.raft.memberships !== before) this.counts.changes += 1
  }

  describe(): string {
    return this.nodes
      .map(
        ({ id, member: { raft }, up }) =>
          `${id}${up ? '' : ' down'} ${raft.role.type} t${raft.term} last ${raft.log.last} commit ${raft.commit}`,
      )
      .join('; ')
  }

  /** One member alone, the leader if there is one as often as not; or nobody any more. */
  #cutOff(node: Node): void {
    const leader = this.nodes.find(({ member }) => member.raft.role.type === 'leader')
    const alone = this.#rng.chance(0.5) ? (leader ?? node) : node
    this.#cut = this.#rng.chance(0.6) ? new Set([alone.id]) : new Set()
  }

  #tickSome(): void {
    for (const node of this.nodes) if (this.#rng.chance(node.rate)) this.#feed(node, { type: 'tick' })
  }

  #pick(): Node {
    const node = this.nodes[this.#rng.below(this.nodes.length)]
    if (node === undefined) throw new Error('no nodes')
    return node
  }

  #boot(id: MemberId, disk: DiskImage, life: number): Node {
    const rng = seededRng(this.#rng.below(2 ** 31))
    const { index, digest, membership } = readSnapshot(disk.snapshot.bytes)
    const voters = this.#founders.includes(id) ? this.#founders : []
    const member = new Member({ self: id, voters, membership, limits: SMALL, rng, image: disk })
    const applied = asLogIndex(index)
    return {
      id,
      member,
      disk: disk.clone(),
      durable: asWriteId(0),
      held: [],
      up: true,
      applied,
      digest,
      led: null,
      life,
      rate: 0.1 + 0.9 * rng.next(),
    }
  }

  #deliver(): void {
    const rng = this.#rng
    const fromPast = this.#past.length > 0 && rng.chance(this.faults.ancient)
    const at = this.faults.reorder ? rng.below(this.#network.length) : 0
    const packet = fromPast ? this.#past[rng.below(this.#past.length)] : this.#network[at]
    if (packet === undefined) return
    if (!fromPast && !rng.chance(this.faults.repeat)) this.#network.splice(at, 1)
    if (rng.chance(this.faults.loss)) return
    if (this.#cut.has(packet.from) || this.#cut.has(packet.to)) return
    const to = this.nodes.find((node) => node.id === packet.to)
    if (to?.up !== true) return
    const message = fromWire(toWire(packet.message))
    if (message === null) throw new Error(`not readable: ${JSON.stringify(packet.message)}`)
    this.#feed(to, { type: 'message', from: packet.from, message })
  }

  #post(from: MemberId, to: MemberId, message: RaftMessage): void {
    this.#serial += 1
    const packet = deepFreeze({ from, to, message })
    this.#network.push(packet)
    if (this.#past.length < 200) this.#past.push(packet)
    else this.#past[this.#rng.below(200)] = packet
    if (this.#network.length > 300) this.#network.splice(this.#rng.below(300), 1)
  }

  /** Some of what is pending reaches some disks. */
  #flushSome(): void {
    for (const node of this.nodes) {
      const pending = node.member.writes.length - node.durable
      if (node.up && this.#rng.chance(0.6)) this.#flushUpTo(node, this.#rng.below(pending + 1))
    }
  }

  #flushAll(node: Node): void {
    if (node.up && hasPending(node)) this.#flushUpTo(node, node.member.writes.length)
  }

  #flushUpTo(node: Node, count: number): void {
    const pending = node.member.writes.slice(node.durable, node.durable + count) // write ids count from 1
    const last = pending.at(-1)
    if (last === undefined) return
    for (const write of pending) node.disk.apply(write)
    node.durable = last.write
    for (const { to, message } of node.held.filter(({ after }) => after <= last.write))
      this.#post(node.id, to, message)
    node.held = node.held.filter(({ after }) => after > last.write)
    this.#feed(node, { type: 'durable', write: last.write })
  }

  #crash(node: Node): void {
    if (!node.up) return
    this.counts.crashes += 1
    node.up = false
    node.held = []
    const pending = node.member.writes.filter(({ write }) => write > node.durable)
    const survive = this.#rng.below(pending.length + 1)
    for (const write of pending.slice(0, survive)) node.disk.apply(write)
    const torn = pending[survive]
    // The snapshot is stored, the log behind it not yet dropped.
    if (torn?.type === 'install' && this.#rng.chance(0.5)) node.disk.compact(torn, false)
  }

  #restart(node: Node): void {
    Object.assign(node, this.#boot(node.id, node.disk, node.life + 1))
  }

  #compact(node: Node): void {
    if (node.applied <= node.member.raft.log.snapshot.lastIndex) return
    const term = node.member.raft.log.termAt(node.applied)
    if (term === null) throw new Error('applied what is not in the log')
    const meta: SnapshotMeta = { lastIndex: node.applied, lastTerm: term }
    const membership = membershipAt(node.member.raft.memberships, node.applied)
    const stored = { meta, bytes: writeSnapshot({ index: node.applied, digest: node.digest, membership }) }
    // It may be on disk before entries that it covers are; the old log goes in order with the writes.
    node.disk.compact(stored, !hasPending(node) && this.#rng.chance(0.5))
    node.member.image.compact(stored, true)
    this.#feed(node, { type: 'compacted', meta })
  }

  #propose(node: Node): boolean {
    const commands = Array.from({ length: 1 + this.#rng.below(6) }, () => {
      this.#serial += 1
      return {
        id: asProposalId(this.#serial),
        command: bytesOf(`c${this.#serial}${'.'.repeat(this.#rng.below(20))}`),
      }
    })
    const before = node.member.raft.log.last
    this.#feed(node, { type: 'propose', commands })
    return node.member.raft.log.last > before
  }

  #read(node: Node): void {
    this.#serial += 1
    this.#reads.set(`${node.id}/${node.life}/${this.#serial}`, this.committed)
    this.#feed(node, { type: 'read-index', id: asReadId(this.#serial) })
  }

  #feed(node: Node, event: RaftEvent): void {
    if (!node.up) return
    const effects = node.member.step(event).all
    for (const effect of effects) this.#perform(node, effect)
    this.#checkLeader(node)
    for (const effect of effects) {
      if (effect.type !== 'read-snapshot') continue
      const { meta, bytes } = node.member.image.snapshot
      const offset = effect.meta !== null && effect.meta.lastIndex === meta.lastIndex ? effect.offset : 0
      const end = offset + 1 + this.#rng.below(effect.bytesMax)
      const part = { meta, offset, bytes: bytes.slice(offset, end), done: end >= bytes.length }
      this.#feed(node, { type: 'snapshot-chunk-read', to: effect.to, ...part })
    }
  }

  #perform(node: Node, effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        return this.#checkLogMatching(node, effect.record.entries ?? [])
      case 'send':
        if (effect.after > node.durable) node.held.push(effect)
        else this.#post(node.id, effect.to, effect.message)
        return
      case 'commit':
        for (const entry of effect.entries) this.#apply(node, entry)
        return
      case 'install':
        return effect.part.done ? this.#install(node, effect.part.meta) : undefined
      case 'read-ready':
        return this.#checkRead(node, effect.id, effect.index)
      case 'role':
        if (effect.role === 'leader') this.#checkElected(node)
        return
      default:
        return
    }
  }

  #apply(node: Node, entry: LogEntry): void {
    invariant(
      'StateMachineSafety',
      entry.index === node.applied + 1,
      () => `${node.id}: ${entry.index} after ${node.applied}`,
    )
    if (entry.index > this.#committed.length) {
      this.#checkDurable(node, entry)
      this.#committed.push(entry)
      this.#digests.push(digestOf(this.#digests.at(-1) ?? 0, entry))
      this.counts.commits += 1
    }
    node.applied = entry.index
    node.digest = digestOf(node.digest, entry)
    invariant(
      'StateMachineSafety',
      node.digest === this.#digests[entry.index],
      () => `${node.id} differs at ${entry.index}`,
    )
  }

  #install(node: Node, meta: SnapshotMeta): void {
    const { index, digest } = readSnapshot(node.member.image.snapshot.bytes)
    this.counts.installs += 1
    invariant(
      'StateMachineSafety',
      index === meta.lastIndex && digest === this.#digests[index],
      () => `${node.id} installs ${index}`,
    )
    node.applied = meta.lastIndex
    node.digest = digest
  }

  /** What is committed would survive a power cut of everything. */
  #checkDurable(node: Node, entry: LogEntry): void {
    const { voters } = node.member.raft
    const holders = this.nodes.filter(
      ({ id, disk }) =>
        voters.includes(id) &&
        (disk.snapshot.meta.lastIndex >= entry.index ||
          disk.entries.some((e) => e.index === entry.index && e.term === entry.term)),
    )
    invariant(
      'AckAfterDurable',
      holders.length * 2 > voters.length,
      () => `${node.id} commits ${entry.index}, durable on ${holders.length}`,
    )
  }

  /** By induction: an entry of one index and term has one command and one predecessor, everywhere. */
  #checkLogMatching(node: Node, entries: readonly LogEntry[]): void {
    const { log } = node.member.raft
    for (const entry of entries) {
      const previousTerm = log.termAt(asLogIndex(entry.index - 1)) ?? asTerm(-1)
      const known = this.#known.get(`${entry.index}/${entry.term}`)
      if (known === undefined) this.#known.set(`${entry.index}/${entry.term}`, { entry, previousTerm })
      else {
        const equal =
          known.previousTerm === previousTerm &&
          textOf(known.entry.command ?? new Uint8Array()) === textOf(entry.command ?? new Uint8Array())
        invariant('LogMatching', equal, () => `${node.id} at ${entry.index} of term ${entry.term}`)
      }
    }
  }

  #checkElected(node: Node): void {
    const { raft } = node.member
    this.counts.elections += 1
    const other = this.#leaders.get(raft.term)
    invariant('ElectionSafety', other === undefined, () => `${other} and ${node.id} in term ${raft.term}`)
    this.#leaders.set(raft.term, node.id)
    for (const entry of this.#committed.slice(raft.log.base.lastIndex)) {
      invariant(
        'LeaderCompleteness',
        raft.log.termAt(entry.index) === entry.term,
        () => `${node.id} lacks ${entry.index}`,
      )
    }
    invariant('LeaderCompleteness', raft.log.last >= this.#committed.length, () => `${node.id} is too short`)
  }

  #checkLeader(node: Node): void {
    const { raft } = node.member
    if (raft.role.type !== 'leader') node.led = null
    else {
      const before = node.led?.term === raft.term ? node.led.entries : []
      const held = raft.log.slice(asLogIndex(raft.log.base.lastIndex + 1), raft.log.last)
      const first = held[0]?.index ?? 0
      const kept = before.filter((entry) => entry.index >= first)
      invariant(
        'LeaderAppendOnly',
        held.length >= kept.length && kept.every((entry, n) => isSameEntry(entry, held[n])),
        () => `${node.id} in term ${raft.term}`,
      )
      node.led = { term: raft.term, entries: held }
    }
  }

  #checkRead(node: Node, id: number, index: LogIndex): void {
    const began = this.#reads.get(`${node.id}/${node.life}/${id}`)
    this.counts.reads += 1
    if (node.member.raft.role.type !== 'leader') this.counts.forwarded += 1
    if (began === undefined || index < began)
      throw new Error(`stale read at ${node.id}: ${index}, committed before: ${began}`)
    if (node.applied < index)
      throw new Error(`read at ${node.id} is ready at ${index}, applied ${node.applied}`)
    this.#reads.delete(`${node.id}/${node.life}/${id}`)
  }
}

const hasPending = (node: Node): boolean => node.up && node.durable < (node.member.writes.at(-1)?.write ?? 0)

function digestOf(digest: number, entry: LogEntry): number {
  let sum = Math.imul(digest, 31) + entry.term
  for (const byte of entry.command ?? []) sum = (Math.imul(sum, 31) + byte) | 0
  return sum
}

interface State {
  readonly index: number
  readonly digest: number
  readonly membership: Membership | null
}
const writeSnapshot = (state: State): Uint8Array =>
  bytesOf(JSON.stringify({ ...state, filler: '#'.repeat(60) }))
const readSnapshot = (bytes: Uint8Array): State =>
  bytes.length === 0 ? { index: 0, digest: 0, membership: null } : JSON.parse(textOf(bytes))
