import type { ClientConnection, ClientSocket } from '../../../runtime/doors/zookeeper/client-connection.ts'
import type { ZookeeperDoor } from '../../../runtime/doors/zookeeper/door.ts'
import type { Link, LinkEvents } from '../kernel/network.ts'
import type { SimProcess } from '../kernel/process.ts'

/**
 * Brings a client to a member's door, over a link that carries bytes.
 *
 * @returns who listens to the link; null: the door does not take this client.
 */
export function acceptClient(
  process: SimProcess,
  door: ZookeeperDoor,
  link: Link,
  from: string,
): LinkEvents | null {
  const socket = new SimSocket(process, link, from)
  const connection = door.accept(socket)
  if (connection === null) return null
  socket.connection = connection
  return {
    onReceive: (body) => socket.onReceive(body as Uint8Array),
    onDown: () => socket.onGone(),
  }
}

/** A member's end of a client's link, as the door expects a socket to be: what it does is heard of later, never from inside. */
class SimSocket implements ClientSocket {
  readonly remoteAddress: string
  readonly remotePort = 0
  connection: ClientConnection | null = null
  readonly #process: SimProcess
  readonly #link: Link
  #paused = false
  /** Arrived while paused. */
  #chunks: Uint8Array[] = []
  #gone = false

  constructor(process: SimProcess, link: Link, from: string) {
    this.#process = process
    this.#link = link
    this.remoteAddress = from
  }

  onReceive(chunk: Uint8Array): void {
    if (this.#paused || this.#chunks.length > 0) this.#chunks.push(chunk)
    else this.connection?.onData(chunk)
  }

  write(bytes: Uint8Array, taken: () => void): void {
    this.#link.send(bytes)
    this.#later(taken)
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
    while (!this.#paused && !this.#gone) {
      const chunk = this.#chunks.shift()
      if (chunk === undefined) return
      this.connection?.onData(chunk)
    }
  }

  end(rest: Uint8Array): void {
    if (rest.length > 0) this.#link.send(rest)
    this.destroy()
  }

  destroy(): void {
    this.#link.close()
    this.#later(() => this.onGone())
  }

  onGone(): void {
    if (this.#gone) return
    this.#gone = true
    this.connection?.onClosed()
  }

  #later(run: () => void): void {
    this.#process.atTurnEnd(run)
  }
}
