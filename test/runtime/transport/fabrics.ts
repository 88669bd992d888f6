import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { openNats } from '../../../client/transport/nats.ts'
import { openTcpDial } from '../../../client/transport/tcp-dial.ts'
import { ANYBODY, type Principal } from '../../../protocol/access.ts'
import type { Address, Transport, TransportEvents, TransportLimits } from '../../../protocol/transport.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../../../runtime/transport/memory.ts'
import { type ListeningTransport, openTcp } from '../../../runtime/transport/tcp.ts'
import type { NatsServer } from '../../support/nats-server.ts'

/** One kind of transport as the conformance suite sees it: nodes that know each other as soon as they are open. */
export interface Fabric {
  readonly name: string
  /** Opens a server. One that was open under this name before comes back where its peers know it. */
  openServer(self: string, events: TransportEvents, limits?: Partial<TransportLimits>): Promise<Transport>
  /** Opens a client, which reaches servers and is not dialled. */
  openClient(self: string, events: TransportEvents, limits?: Partial<TransportLimits>): Promise<Transport>
  /** Breaks every link at once, though no node has closed it. Frames may flow again afterwards. */
  breakAll(): Promise<void>
  /** Closes every transport that is still open, and whatever carries them. */
  stop(): Promise<void>
}

/** What a node has heard, and a way to wait for more. */
export class Ear implements TransportEvents {
  readonly bodies: { from: string; body: Uint8Array; principal: Principal }[] = []
  readonly refusals: { peer: string; reason: string }[] = []
  readonly downs: { peer: string; reason: string }[] = []
  readonly ups: string[] = []
  readonly errors: { remote: string; reason: string }[] = []
  #waiters: { holds: () => boolean; resolve: () => void }[] = []

  onBody(from: string, body: Uint8Array, principal = ANYBODY): void {
    this.bodies.push({ from, body, principal })
    this.#wake()
  }

  onDown(peer: string, reason: string): void {
    this.downs.push({ peer, reason })
    this.#wake()
  }

  onRefused(peer: string, reason: string): void {
    this.refusals.push({ peer, reason })
    this.#wake()
  }

  onUp(peer: string): void {
    this.ups.push(peer)
    this.#wake()
  }

  onProtocolError(remote: string, reason: string): void {
    this.errors.push({ remote, reason })
    this.#wake()
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.holds()) waiter.resolve()
    this.#waiters = this.#waiters.filter((waiter) => !waiter.holds())
  }

  /** Resolves when `holds` does, which is asked after everything heard. */
  until(what: string, holds: () => boolean, timeoutMs = 10_000): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs)
      this.#waiters.push({
        holds,
        resolve: () => {
          clearTimeout(timer)
          resolve()
        },
      })
    })
  }
}

export const numbered = (n: number): Uint8Array => {
  const body = new Uint8Array(4)
  new DataView(body.buffer).setUint32(0, n)
  return body
}

export const numberOf = (body: Uint8Array): number =>
  new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0)

/** Stands between diallers and one listener, so that a test can cut connections that both ends hold for good. */
async function startRelay(
  target: () => Address,
): Promise<{ address: Address; cut(): void; stop(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect({ ...target(), noDelay: true })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const stop = () => {
    cut()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { address: { host: '127.0.0.1', port }, cut, stop }
}

export async function createTcpFabric(): Promise<Fabric> {
  const servers = new Map<string, ListeningTransport>()
  const relays = new Map<string, Awaited<ReturnType<typeof startRelay>>>()
  const all: Transport[] = []
  const addressOf = (self: string): Address => servers.get(self)?.address ?? { host: '127.0.0.1', port: 1 }
  const introduce = (transport: Transport) => {
    for (const [peer, { address }] of relays) if (peer !== transport.self) transport.setAddress(peer, address)
  }
  return {
    name: 'tcp',
    async openServer(self, events, limits = {}) {
      const server = await openTcp({ self, cluster: 'test', host: '127.0.0.1', port: 0, events, limits })
      servers.set(self, server)
      if (!relays.has(self)) relays.set(self, await startRelay(() => addressOf(self)))
      all.push(server)
      for (const transport of all) introduce(transport)
      return server
    },
    async openClient(self, events, limits = {}) {
      const client = openTcpDial({ self, cluster: 'test', events, limits })
      all.push(client)
      introduce(client)
      return client
    },
    async breakAll() {
      for (const relay of relays.values()) relay.cut()
    },
    async stop() {
      await Promise.all(all.map((transport) => transport.close()))
      await Promise.all([...relays.values()].map((relay) => relay.stop()))
    },
  }
}

export async function createMemoryFabric(): Promise<Fabric> {
  // Limits belong to the whole network here, so it is made by the first node.
  let network: MemoryNetwork | null = null
  const names = new Set<string>()
  const open: Fabric['openServer'] = async (self, events, limits = {}) => {
    network ??= createMemoryNetwork({ limits })
    names.add(self)
    return network.open(self, events)
  }
  const pairs = () => [...names].flatMap((a) => [...names].filter((b) => a < b).map((b) => [a, b] as const))
  return {
    name: 'memory',
    openServer: open,
    openClient: open,
    async breakAll() {
      for (const [a, b] of pairs()) network?.break(a, b)
      await new Promise((resolve) => setImmediate(resolve))
      for (const [a, b] of pairs()) network?.heal(a, b)
    },
    stop: async () => {},
  }
}

let natsClusters = 0

/** @param broker - may be shared by fabrics: each is a cluster of its own. */
export async function createNatsFabric(broker: NatsServer): Promise<Fabric> {
  const cluster = `test-${natsClusters++}`
  const all: Transport[] = []
  const open: Fabric['openServer'] = async (self, events, limits = {}) => {
    const transport = await openNats({ url: broker.url, self, cluster, events, limits })
    all.push(transport)
    return transport
  }
  return {
    name: 'nats',
    openServer: open,
    openClient: open,
    breakAll: () => broker.restart(),
    async stop() {
      await Promise.all(all.map((transport) => transport.close()))
    },
  }
}
