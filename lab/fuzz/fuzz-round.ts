/**
 * One round of hostile clients against the real door: the member of the simulator, its clients without a network between. Nothing may throw, every
 * request is answered or its connection closed, a well-behaved client notices nothing, and when all have gone nothing is left of them.
 */
import { XIDS } from '../../protocol/zookeeper/ops.ts'
import { decodeConnectResponse, readReply } from '../../protocol/zookeeper/packets.ts'
import type { Member } from '../../runtime/coordinator/member.ts'
import { SimCoordinator } from '../simulator/coordinator/sim-coordinator.ts'
import { Network } from '../simulator/kernel/network.ts'
import { type Kernel, SimProcess } from '../simulator/kernel/process.ts'
import { Rng } from '../simulator/kernel/rng.ts'
import { Scheduler } from '../simulator/kernel/scheduler.ts'
import { Trace } from '../simulator/kernel/trace.ts'
import { FrameMaker, type KnownSession } from './frame-maker.ts'
import { FuzzError } from './fuzz-error.ts'
import { FuzzSocket } from './fuzz-socket.ts'
import { Witness } from './witness.ts'

const NAME = 'coordinator-1'
const CLIENTS = 8
const FRAMES_AT_ONCE = 32
const DEAF_SHARE = 0.03
/** Virtual time for a batch, a disk's sync included. */
const BATCH_US = 3_000
const SECOND_US = 1_000_000
/** Longer than any session, any slow client and any pause. */
const SETTLE_US = 60 * SECOND_US
const SLOW_CLIENT_MS = 2_000
const KNOWN_MAX = 20
/** A client that has so much unread by the door sends nothing more. */
const HELD_BYTES_MAX = 1024 * 1024

export interface FuzzResult {
  /** Frames that were sent, and those of them that the door took from connections before it closed them. */
  readonly sent: number
  readonly taken: number
  readonly connections: number
  /** Replies and events to the hostile clients. */
  readonly answers: number
  /** Replies by error code, 0 among them. */
  readonly errors: ReadonlyMap<number, number>
}

/**
 * Sends frames until the door has taken so many.
 *
 * @throws {FuzzError} the member failed, hangs, or keeps something of clients that are gone; or a `WitnessError`.
 */
export async function fuzzRound(options: {
  readonly seed: number
  readonly frames: number
}): Promise<FuzzResult> {
  const round = new Round(options.seed)
  await round.start()
  await round.run(options.frames)
  return round.finish()
}

class Round {
  readonly #seed: number
  readonly #scheduler = new Scheduler()
  readonly #bugs: unknown[] = []
  readonly #rng: Rng
  readonly #process: SimProcess
  readonly #coordinator: SimCoordinator
  readonly #maker: FrameMaker
  #witness: Witness | null = null
  #witnessSocket: FuzzSocket | null = null
  readonly #clients: (FuzzSocket | null)[] = Array.from({ length: CLIENTS }, () => null)
  readonly #known: KnownSession[] = []
  #sent = 0
  #connections = 0
  #answers = 0
  readonly #errors = new Map<number, number>()

  constructor(seed: number) {
    this.#seed = seed
    this.#rng = new Rng(seed)
    const kernel: Kernel = {
      scheduler: this.#scheduler,
      trace: new Trace(),
      onBug: (_, error) => this.#bugs.push(error),
    }
    this.#process = new SimProcess(kernel, NAME, this.#rng.fork(NAME))
    this.#coordinator = new SimCoordinator({
      process: this.#process,
      network: new Network(this.#scheduler, this.#rng.fork('network')),
      members: [NAME],
      settings: { slowClientMs: SLOW_CLIENT_MS, fourLetterWords: ['*'] },
    })
    this.#maker = new FrameMaker(this.#rng.fork('frames'))
  }

  get #member(): Member {
    const { member } = this.#coordinator
    if (member === null) throw this.#error('the member is gone')
    return member
  }

  #error(what: string): FuzzError {
    const [bug] = this.#bugs
    const cause = bug instanceof Error ? { cause: bug } : {}
    return new FuzzError(`seed ${this.#seed}, after ${this.#sent} frames: ${what}`, cause)
  }

  async start(): Promise<void> {
    this.#coordinator.start()
    await this.#scheduler.runUntil(10 * SECOND_US, () => this.#member.isServing)
    if (!this.#member.isServing) throw this.#error('it serves nobody')
    this.#process.run(() => {
      const socket = new FuzzSocket(this.#process, this.#member.door)
      this.#witnessSocket = socket
      this.#witness = new Witness(socket)
    })
    await this.#pass(SECOND_US)
    this.#witness?.lookAll()
  }

  async run(frames: number): Promise<void> {
    const { traffic } = this.#member.door
    let taken = 0
    // `srst` may set the door's own count back.
    for (let batch = 0; taken < frames; batch += 1) {
      const before = traffic.received
      this.#process.run(() => this.#batch())
      await this.#pass(BATCH_US)
      taken += Math.max(0, traffic.received - before - 2) // without the witness's
      this.#taken = taken
      if (batch % 50 === 49) await this.#checkLiveliness()
    }
  }

  #taken = 0

  #batch(): void {
    this.#witness?.ask()
    for (const place of this.#clients.keys()) this.#oneClient(place)
  }

  #oneClient(place: number): void {
    const rng = this.#rng
    let socket = this.#clients[place] ?? null
    if (socket === null || socket.closed || rng.chance(0.002)) {
      socket?.hangUp()
      socket = this.#open()
      this.#clients[place] = socket
    }
    if (socket.heldBytes > HELD_BYTES_MAX) return
    for (let left = rng.between(1, FRAMES_AT_ONCE); left > 0; left -= 1) {
      const frame = this.#maker.frame()
      this.#sent += 1
      const cut = rng.chance(0.05) ? rng.below(frame.length) : 0
      if (cut > 0) socket.say(frame.subarray(0, cut))
      socket.say(frame.subarray(cut))
    }
  }

  #open(): FuzzSocket {
    const greeting = this.#maker.greeting(this.#known)
    const raw = greeting.length < 40
    const deaf = this.#rng.chance(DEAF_SHARE)
    const socket = new FuzzSocket(this.#process, this.#member.door, { deaf, raw })
    this.#connections += 1
    socket.say(greeting)
    return socket
  }

  async #pass(us: number): Promise<void> {
    await this.#scheduler.runUntil(this.#scheduler.nowUs + us)
    if (this.#bugs.length > 0) throw this.#error(`it failed: ${this.#bugs[0]}`)
    if (this.#coordinator.failure !== null) throw this.#error(`it gave up: ${this.#coordinator.failure}`)
    this.#witness?.look()
    for (const socket of this.#clients) if (socket !== null) this.#readAnswers(socket)
  }

  #readAnswers(socket: FuzzSocket): void {
    const [first] = socket.packets
    this.#answers += socket.packets.length
    if (first !== undefined && (first.length === 36 || first.length === 37)) this.#remember(first)
    for (const packet of socket.packets) this.#countError(packet)
    socket.packets = []
  }

  #countError(packet: Uint8Array): void {
    if (packet.length < 16 || packet.length === 36 || packet.length === 37) return
    const { header } = readReply(packet)
    if (header.xid !== XIDS.notification)
      this.#errors.set(header.err, (this.#errors.get(header.err) ?? 0) + 1)
  }

  #remember(packet: Uint8Array): void {
    const { sessionId, password, timeoutMs } = decodeConnectResponse(packet)
    if (timeoutMs <= 0 || password === null) return
    if (this.#known.length === KNOWN_MAX) this.#known.shift()
    this.#known.push({ sessionId, password: password.slice() })
  }

  /** Given time and no new requests, everything is answered. */
  async #checkLiveliness(): Promise<void> {
    await this.#pass(SECOND_US / 10)
    this.#witness?.lookAll()
  }

  /** All hostile clients go; then nothing of them may be left. */
  async finish(): Promise<FuzzResult> {
    await this.#pass(SECOND_US)
    const { door, raft } = this.#member
    const waiting = door.outstanding
    this.#process.run(() => {
      for (const socket of this.#clients) socket?.hangUp()
    })
    this.#witnessSocket?.packets.splice(0)
    for (let left = SETTLE_US; left > 0; left -= SECOND_US) {
      this.#process.run(() => this.#witness?.ask())
      await this.#pass(SECOND_US)
    }
    this.#witness?.lookAll()
    const { tree, watches } = this.#member
    const left = {
      connections: door.connectionCount - 1,
      sessions: tree.sessions.size - 1,
      watches: watches.count,
      outstanding: door.outstanding,
      ephemerals: [...tree.nodes.values()].filter(({ ephemeralOwner }) => ephemeralOwner !== 0n).length,
      uncommitted: raft.log.last - raft.commit,
    }
    for (const [what, count] of Object.entries(left))
      if (count !== 0)
        throw this.#error(`${count} ${what} are left of clients that have gone (${waiting} waited)`)
    return {
      sent: this.#sent,
      taken: this.#taken,
      connections: this.#connections,
      answers: this.#answers,
      errors: this.#errors,
    }
  }
}
