/** Many connections that want no good, and what became of them. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export class Swarm {
  readonly #port: number
  readonly #sockets: Socket[] = []
  /** Connections that the other side closed. */
  closed = 0

  constructor(port: number) {
    this.#port = port
  }

  get count(): number {
    return this.#sockets.length
  }

  get open(): number {
    return this.count - this.closed
  }

  /**
   * Opens so many more. `addresses`: so many of 127.0.0.0/8 in turn, as if they came from as many machines. One that does not read never takes what it is told,
   * and does not hear that it was closed.
   */
  async grow(
    count: number,
    options: {
      readonly addresses: number
      readonly reads: boolean
      /** What each says at once. */
      readonly greeting?: (n: number) => Uint8Array
    },
  ): Promise<Socket[]> {
    const grown: Socket[] = []
    for (let n = 0; n < count; n++) {
      const socket = this.#connect(2 + ((this.count + n) % options.addresses), options.reads)
      if (options.greeting !== undefined) socket.write(options.greeting(n))
      grown.push(socket)
      if (n % 100 === 99) await sleep(10)
    }
    this.#sockets.push(...grown)
    await sleep(200)
    return grown
  }

  #connect(host: number, reads: boolean): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: `127.0.0.${host}` })
    socket.on('error', () => {})
    socket.once('close', () => {
      this.closed++
    })
    if (reads) socket.resume()
    return socket
  }

  /** Says it on every connection, as far as the other side takes it. */
  say(bytes: Uint8Array): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.write(bytes)
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
