/** The same frames over real sockets, at a member with a real log: what the in-process rounds leave out. */
import fs from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { coordinator } from '../../client/coordinator/client.ts'
import { type Coordinator, startCoordinator } from '../../runtime/coordinator/coordinator.ts'
import { openDataDirectory } from '../../runtime/storage/data-directory.ts'
import { Rng } from '../simulator/kernel/rng.ts'
import { FrameMaker } from './frame-maker.ts'

const HOST = '127.0.0.1'
const ID = 'coordinator-1'
const CLIENTS = 6
const FRAMES_AT_ONCE = 16
/** What a client sends before it has heard whether its connection still stands. */
const UNSENT_BYTES_MAX = 256 * 1024
const WITNESS_EVERY_MS = 100
const SETTLE_MS = 15_000
const START_TRIES = 50
/** To ask for the status takes longer than a turn. */
const STATUS_TURNS = 50

export interface SocketResult {
  readonly taken: number
  readonly seconds: number
  /** Of the well-behaved client's reads and writes. */
  readonly witnessCalls: number
  readonly witnessMaxMs: number
}

/** @throws what a well-behaved client hears, if it hears anything but right answers; and where something is left of the others. */
export async function fuzzSockets(options: {
  readonly seed: number
  readonly frames: number
}): Promise<SocketResult> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'catenary-fuzz-'))
  const data = openDataDirectory({ path: join(directory, ID), kind: 'coordinator', id: ID })
  const failures: Error[] = []
  const member = await startCoordinator({
    id: ID,
    members: [{ id: ID, host: HOST, peerPort: 0, clientPort: 0 }],
    clusterName: 'fuzz',
    data,
    logger: pino({ level: 'silent' }),
    fsync: 'never',
    slowClientMs: 2_000,
    fourLetterWords: ['*'],
    onFailure: (error) => failures.push(error),
  })
  try {
    return await attack(member, options, failures)
  } finally {
    await member.stop()
    data.close()
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

async function attack(
  member: Coordinator,
  { seed, frames }: { readonly seed: number; readonly frames: number },
  failures: readonly Error[],
): Promise<SocketResult> {
  const { port } = member.clientAddress
  const rng = new Rng(seed)
  const witness = new SocketWitness(port)
  await witness.start()
  const startedMs = performance.now()
  const sockets = Array.from({ length: CLIENTS }, (_, n) => new Attacker(port, rng.fork(`client ${n}`)))
  let taken = 0
  let before = 0
  let turns = 0
  let lookedMs = startedMs
  while (taken < frames) {
    for (const socket of sockets) socket.act()
    await new Promise((resolve) => setImmediate(resolve))
    turns += 1
    if (turns % STATUS_TURNS === 0) {
      const { packetsReceived } = member.status()
      taken += Math.max(0, packetsReceived - before) // `srst` may set it back
      before = packetsReceived
    }
    const [failure] = failures
    if (failure !== undefined) throw failure
    if (performance.now() - lookedMs < WITNESS_EVERY_MS) continue
    lookedMs = performance.now()
    await witness.look()
  }
  const seconds = (performance.now() - startedMs) / 1000
  for (const socket of sockets) socket.end()
  await witness.aloneAt(member)
  await witness.look()
  await witness.end()
  return { taken, seconds, witnessCalls: witness.calls, witnessMaxMs: witness.maxMs }
}

/** Opens a connection again whenever the other side has closed it. */
class Attacker {
  readonly #port: number
  readonly #rng: Rng
  readonly #maker: FrameMaker
  #socket: Socket | null = null
  #ended = false

  constructor(port: number, rng: Rng) {
    this.#port = port
    this.#rng = rng
    this.#maker = new FrameMaker(rng.fork('frames'))
  }

  act(): void {
    const socket = this.#socket ?? this.#open()
    if (socket.writableLength > UNSENT_BYTES_MAX) return
    const frames = Array.from({ length: this.#rng.between(1, FRAMES_AT_ONCE) }, () => this.#maker.frame())
    socket.write(Buffer.concat(frames))
  }

  #open(): Socket {
    const socket = connect(this.#port, HOST)
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = null
    })
    // One that is never read is given up by the member.
    if (!this.#rng.chance(0.03)) socket.resume()
    socket.write(this.#maker.greeting([]))
    this.#socket = socket
    return socket
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket?.destroy()
  }
}

class SocketWitness {
  readonly #zk
  #version = 0
  calls = 0
  maxMs = 0

  constructor(port: number) {
    this.#zk = coordinator({ servers: `${HOST}:${port}`, sessionTimeoutMs: 10_000 })
  }

  /** The member may still be looking for a leader: itself. */
  async start(): Promise<void> {
    for (let left = START_TRIES; ; left -= 1) {
      try {
        await this.#zk.create('/witness', '0')
        return
      } catch (error) {
        if (left === 0) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }

  /** @throws an answer is wrong, or there is none. */
  async look(): Promise<void> {
    const startedMs = performance.now()
    const heard: string[] = []
    const { stat } = await this.#zk.getData('/witness', { watch: ({ type }) => heard.push(type) })
    if (stat.version !== this.#version) throw new Error(`read version ${stat.version}, not ${this.#version}`)
    await this.#zk.setData('/witness', `${this.#version}`, this.#version)
    this.#version += 1
    if (heard.join() !== 'data-changed') throw new Error(`heard "${heard}" before the reply`)
    this.calls += 2
    this.maxMs = Math.max(this.maxMs, performance.now() - startedMs)
  }

  /** Once the others' sessions have expired. @throws something is left of them. */
  async aloneAt(member: Coordinator): Promise<void> {
    const untilMs = performance.now() + SETTLE_MS
    for (;;) {
      const { sessions, connections, watches, ephemerals, outstanding } = member.status()
      if (sessions === 1 && connections === 1 && watches + ephemerals + outstanding === 0) return
      if (performance.now() > untilMs)
        throw new Error(`left of clients that have gone: ${JSON.stringify(member.status())}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  async end(): Promise<void> {
    await this.#zk.close()
  }
}
