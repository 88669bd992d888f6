/** Stands between a node and a broker, and is the bad network: loses messages, delays them, stops reading. It knows NATS well enough to lose whole messages. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface NatsProxy {
  readonly url: string
  /** The share of messages lost, in either direction. */
  loss: number
  /** Every chunk waits for up to this long; none overtakes another. */
  delayMs: number
  /** While true, nothing is read from the broker: a node that has stopped taking what it is sent. */
  deaf: boolean
  readonly lost: number
  /** Breaks every connection. */
  cut(): void
  close(): Promise<void>
}

/** Of those that carry a payload the last word tells its length. */
const WITH_PAYLOAD = /^(?:H?PUB|H?MSG) .*?(\d+)$/i
const END = Buffer.from('\r\n')

/** Cuts a stream of NATS into its messages. */
class Messages {
  #rest = Buffer.alloc(0)

  /** Each with whether it carries a payload. */
  read(chunk: Buffer): { bytes: Buffer; payload: boolean }[] {
    const found: { bytes: Buffer; payload: boolean }[] = []
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const end = this.#rest.indexOf(END)
      if (end < 0) return found
      const match = WITH_PAYLOAD.exec(this.#rest.toString('latin1', 0, end))
      const length = match === null ? end + 2 : end + 2 + Number(match[1]) + 2
      if (this.#rest.length < length) return found
      found.push({ bytes: this.#rest.subarray(0, length), payload: match !== null })
      this.#rest = this.#rest.subarray(length)
    }
  }
}

/** @param draw - dice of the test, so that a run can be repeated. */
export async function startNatsProxy(
  brokerUrl: string,
  draw: () => number = Math.random,
): Promise<NatsProxy> {
  const { hostname, port } = new URL(brokerUrl)
  const sockets = new Set<Socket>()
  const faults = { loss: 0, delayMs: 0, deaf: false, lost: 0 }
  const pass = (from: Socket, to: Socket) => {
    const messages = new Messages()
    let dueMs = 0
    from.on('data', (chunk: Buffer) => {
      const kept = messages.read(chunk).filter(({ payload }) => {
        const isLost = payload && draw() < faults.loss
        if (isLost) faults.lost++
        return !isLost
      })
      const bytes = Buffer.concat(kept.map((message) => message.bytes))
      const nowMs = performance.now()
      dueMs = Math.max(dueMs, nowMs + faults.delayMs * draw())
      const write = () => {
        if (!to.destroyed) to.write(bytes)
      }
      if (dueMs <= nowMs) write()
      else setTimeout(write, dueMs - nowMs)
    })
  }
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true })
    near.setNoDelay(true)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      pass(socket, other)
    }
    if (faults.deaf) far.pause()
    brokers.add(far)
    far.on('close', () => brokers.delete(far))
  })
  const brokers = new Set<Socket>()
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get loss() {
      return faults.loss
    },
    set loss(share) {
      faults.loss = share
    },
    get delayMs() {
      return faults.delayMs
    },
    set delayMs(ms) {
      faults.delayMs = ms
    },
    get deaf() {
      return faults.deaf
    },
    set deaf(deaf) {
      faults.deaf = deaf
      for (const socket of brokers) {
        if (deaf) socket.pause()
        else socket.resume()
      }
    },
    get lost() {
      return faults.lost
    },
    cut,
    close() {
      cut()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
