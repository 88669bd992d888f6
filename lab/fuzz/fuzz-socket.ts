import { FrameSplitter } from '../../protocol/zookeeper/frames.ts'
import type { ClientConnection, ClientSocket } from '../../runtime/doors/zookeeper/client-connection.ts'
import type { ZookeeperDoor } from '../../runtime/doors/zookeeper/door.ts'
import type { SimProcess } from '../simulator/kernel/process.ts'

const REPLY_BYTES_MAX = 64 * 1024 * 1024

/** A client's end of a connection to the door, without a network between them. */
export class FuzzSocket implements ClientSocket {
  readonly remoteAddress = '10.0.0.1'
  readonly remotePort = 1
  /** What the door has sent, whole packets, until somebody takes them. */
  packets: Uint8Array[] = []
  closed = false
  readonly #process: SimProcess
  readonly #connection: ClientConnection
  readonly #splitter = new FrameSplitter(REPLY_BYTES_MAX)
  /** It never reads: nothing that is written to it is ever taken. */
  readonly #deaf: boolean
  readonly #raw: boolean
  #paused = false
  #chunks: Uint8Array[] = []

  /** @param raw - what comes is no packets: the answer to a word. */
  constructor(process: SimProcess, door: ZookeeperDoor, { deaf = false, raw = false } = {}) {
    this.#process = process
    this.#deaf = deaf
    this.#raw = raw
    const connection = door.accept(this)
    if (connection === null) throw new Error('the door takes no more connections')
    this.#connection = connection
  }

  /** What the client sends. */
  say(bytes: Uint8Array): void {
    if (this.closed) return
    if (this.#paused || this.#chunks.length > 0) this.#chunks.push(bytes)
    else this.#connection.onData(bytes)
  }

  /** Sent, and not yet read by the door. */
  get heldBytes(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0)
  }

  /** The client hangs up. */
  hangUp(): void {
    if (this.closed) return
    this.closed = true
    this.#connection.onClosed()
  }

  write(bytes: Uint8Array, taken: () => void): void {
    if (this.#deaf) return
    this.#take(bytes)
    this.#later(taken)
  }

  #take(bytes: Uint8Array): void {
    if (!this.#raw) this.packets.push(...this.#splitter.push(bytes))
  }

  isPaused(): boolean {
    return this.#paused
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#chunks.length > 0) this.#later(() => this.#goOn())
  }

  #goOn(): void {
    while (!this.#paused && !this.closed) {
      const chunk = this.#chunks.shift()
      if (chunk === undefined) return
      this.#connection.onData(chunk)
    }
  }

  end(rest: Uint8Array): void {
    if (rest.length > 0 && !this.#deaf) this.#take(rest)
    this.destroy()
  }

  destroy(): void {
    this.#later(() => this.hangUp())
  }

  #later(run: () => void): void {
    this.#process.atTurnEnd(run)
  }
}
