/**
 * The way of commands to the leader, wherever that is. Each is sent once: where it may have got lost, its client's connection is
 * closed, so that the client, who alone knows whether trying again is right, hears that the outcome is unknown.
 */
import type { MemberId, ProposalId, Term } from '../../coordinator/raft/ids.ts'
import { asProposalId } from '../../coordinator/raft/ids.ts'
import { type Command, decodeCommand, encodeCommand, stampTime } from '../../coordinator/znodes/command.ts'
import { FrameError } from '../../protocol/frame.ts'
import { JuteError } from '../../protocol/zookeeper/jute.ts'
import { type Ensemble, encodeFounding } from './ensemble.ts'

export interface ForwarderServices {
  /** To the leader, if it is another member. */
  sendCommand(leader: MemberId, command: Uint8Array): void
  /** To the member whose command was not proposed. */
  sendRejected(member: MemberId, connection: number): void
  /** A request of this session has reached the leader. */
  heard(session: bigint): void
  /** The outcome of what this connection asked for is unknown. */
  closeClient(connection: number): void
  touched(): void
  wallMs(): number
}

/** A command for the leader's log, and whom to tell if it does not get there. */
interface Candidate {
  readonly bytes: Uint8Array
  /** `null`: this member. */
  readonly from: MemberId | null
  /** 0: nobody waits for it. */
  readonly connection: number
}

interface Leadership {
  readonly leader: MemberId
  readonly term: Term
}

export class Forwarder {
  readonly #self: MemberId
  readonly #number: number
  readonly #services: ForwarderServices
  /** The last leader known: what is pending was sent to it. */
  #leadership: Leadership | null = null
  /** Nobody leads as far as this member knows, though the last leader may not know that. */
  #leaderless = true
  #leads = false
  /** Of this member's clients, from a time without a leader: sent once there is one. */
  #unsent: Command[] = []
  /** The leader's: proposed together when the turn ends. */
  #candidates: Candidate[] = []
  #proposing: readonly Candidate[] = []
  /** By connection of this member: how many of its commands were sent and are not yet applied. */
  readonly #pending = new Map<number, number>()

  constructor(options: { self: MemberId; number: number; services: ForwarderServices }) {
    this.#self = options.self
    this.#number = options.number
    this.#services = options.services
  }

  /** Commands of clients that are sent and not yet applied, or wait for a leader. */
  get outstanding(): number {
    let sum = this.#unsent.length
    for (const count of this.#pending.values()) sum += count
    return sum
  }

  /** A command of a client of this member. */
  forward(command: Command): void {
    if (this.#leaderless || this.#leadership === null) {
      this.#unsent.push(command)
      return
    }
    const connection = command.owner?.connection ?? 0
    this.#pending.set(connection, (this.#pending.get(connection) ?? 0) + 1)
    const bytes = encodeCommand(command)
    if (this.#leadership.leader === this.#self) this.#add(command.session, { bytes, from: null, connection })
    else this.#services.sendCommand(this.#leadership.leader, bytes)
    this.#services.touched()
  }

  /** A peer takes us for the leader. @throws {FrameError} what it sent is no command. */
  onForwarded(from: MemberId, bytes: Uint8Array): void {
    const { session, owner } = decodeForwarded(bytes)
    const connection = owner?.connection ?? 0
    if (this.#leads) this.#add(session, { bytes, from, connection })
    else this.#services.sendRejected(from, connection)
    this.#services.touched()
  }

  #add(session: bigint, candidate: Candidate): void {
    if (session !== 0n) this.#services.heard(session)
    this.#candidates.push(candidate)
  }

  expire(sessions: readonly bigint[]): void {
    for (const session of sessions) {
      const op = { type: 'expire-session' } as const
      const bytes = encodeCommand({ timeWallMs: 0, session, owner: null, order: 0, identities: null, op })
      this.#candidates.push({ bytes, from: null, connection: 0 })
    }
  }

  /** The time of these znodes has come, if it has when this is applied. */
  reap(paths: readonly string[]): void {
    const timeWallMs = this.#services.wallMs()
    for (const path of paths) {
      const op = { type: 'reap', path } as const
      const bytes = encodeCommand({ timeWallMs, session: 0n, owner: null, order: 0, identities: null, op })
      this.#candidates.push({ bytes, from: null, connection: 0 })
    }
  }

  /** Of the `reconfig` that is under way. */
  abandonReconfig(): void {
    const op = { type: 'abandon-reconfig' } as const
    const bytes = encodeCommand({
      timeWallMs: 0,
      session: 0n,
      owner: null,
      order: 0,
      identities: null,
      op,
    })
    this.#candidates.push({ bytes, from: null, connection: 0 })
  }

  found(ensemble: Ensemble): void {
    this.#candidates.push({ bytes: encodeFounding(ensemble), from: null, connection: 0 })
  }

  /** What is to be proposed in one step. Their ids are places in this list, for `onRejected`. */
  takeProposals(): { readonly id: ProposalId; readonly command: Uint8Array }[] {
    this.#proposing = this.#candidates
    this.#candidates = []
    const wallMs = this.#services.wallMs()
    return this.#proposing.map(({ bytes, connection }, place) => {
      if (connection !== 0) stampTime(bytes, wallMs)
      return { id: asProposalId(place), command: bytes }
    })
  }

  onRejected(id: ProposalId): void {
    const candidate = this.#proposing[id]
    if (candidate === undefined || candidate.connection === 0) return // proposed again when it is due
    if (candidate.from === null) this.#services.closeClient(candidate.connection)
    else this.#services.sendRejected(candidate.from, candidate.connection)
  }

  /** An entry was applied; perhaps it is what a client of ours waits for. */
  onApplied({ owner }: Command): void {
    if (owner === null || owner.member !== this.#number) return
    const count = this.#pending.get(owner.connection)
    if (count === undefined) return
    if (count === 1) this.#pending.delete(owner.connection)
    else this.#pending.set(owner.connection, count - 1)
  }

  /** `leader` is null while there is none: what was sent to the last one may still take effect, and be applied here. */
  onRole(leader: MemberId | null, term: Term): void {
    this.#leads = leader === this.#self
    this.#leaderless = leader === null
    if (leader === null) return
    const known = this.#leadership
    if (known?.leader !== leader || known.term !== term) {
      this.#leadership = { leader, term }
      this.#closePending()
    }
    for (const command of this.#unsent.splice(0)) this.forward(command)
  }

  /** What was sent to this peer may be lost. */
  onLinkLost(peer: MemberId): void {
    if (this.#leadership?.leader === peer) this.#closePending()
  }

  #closePending(): void {
    for (const connection of [...this.#pending.keys()]) this.#services.closeClient(connection)
  }

  /** The connection is gone; what was sent of it may still take effect. */
  drop(connection: number): void {
    this.#pending.delete(connection)
    if (this.#unsent.length > 0)
      this.#unsent = this.#unsent.filter(({ owner }) => owner?.connection !== connection)
  }
}

function decodeForwarded(bytes: Uint8Array): Command {
  try {
    return decodeCommand(bytes)
  } catch (cause) {
    if (cause instanceof JuteError) throw new FrameError('a forwarded command cannot be read', { cause })
    throw cause
  }
}
