import type { Socket } from 'node:net'
import type { HeldBytes } from '../../client/transport/held-bytes.ts'
import { TcpConnection } from '../../client/transport/tcp-connection.ts'
import type { TurnFlusher } from '../../client/transport/turn-flusher.ts'
import { ANYBODY, type Principal } from '../../protocol/access.ts'
import type { Hello } from '../../protocol/frame.ts'
import { isNodeId, type TransportLimits } from '../../protocol/transport.ts'
import type { Certificates } from '../security/certificates.ts'
import type { Gate, GateVisit } from './gate.ts'

/** What the listener wants to know of it. */
export interface InboundEvents {
  /** Why nobody may come in with this hello; null: somebody may. */
  refusalOf(hello: Hello): string | null
  /** Why he may not come in under this name, now that it is known who he is; null: he may. */
  refusalOfGuest(inbound: Inbound): string | null
  /** He is in: bodies may follow. */
  onEntered(inbound: Inbound): void
  onBody(inbound: Inbound, body: Uint8Array): void
  onProtocolError(reason: string): void
  onClosed(inbound: Inbound, reason: string): void
}

export interface InboundOptions {
  readonly socket: Socket
  /** Who listens. */
  readonly self: string
  readonly cluster: string
  readonly limits: TransportLimits
  readonly flusher: TurnFlusher
  readonly helloTimeoutMs: number
  readonly frameTimeoutMs?: number
  readonly held: HeldBytes
  /** Null: nobody is asked for a proof. */
  readonly gate: Gate | null
  /** Without a gate: who comes in is told by his certificate. Null: everybody is let in. */
  readonly certificates: Certificates | null
  readonly events: InboundEvents
}

/** A connection that somebody else has dialled: a stranger until he has said hello and, where the listener asks for it, has proved who he is. */
export class Inbound {
  readonly connection: TcpConnection
  readonly #options: InboundOptions
  #hello: Hello | null = null
  #principal = ANYBODY
  #visit: GateVisit | null = null

  constructor(options: InboundOptions) {
    const { socket, limits, flusher, helloTimeoutMs, frameTimeoutMs, held, events } = options
    this.#options = options
    this.connection = new TcpConnection(socket, {
      limits,
      flusher,
      helloTimeoutMs,
      ...(frameTimeoutMs !== undefined && { frameTimeoutMs }),
      held,
      events: {
        onHello: (hello) => this.#onHello(hello),
        onProof: (body) => this.#onProof(body),
        onBody: (body) => events.onBody(this, body),
        onProtocolError: (reason) => events.onProtocolError(reason),
        onClosed: (reason) => events.onClosed(this, reason),
      },
    })
  }

  /** Who he says he is; empty before his hello. */
  get peer(): string {
    return this.#hello?.from ?? ''
  }

  /** Whether he can be dialled. */
  get listens(): boolean {
    return this.#hello?.listens ?? false
  }

  /** Who he is, once he is in. */
  get principal(): Principal {
    return this.#principal
  }

  #onHello(hello: Hello): void {
    const { self, cluster, gate, socket, events } = this.#options
    const to = isNodeId(hello.from) ? hello.from : ''
    const own: Hello = { from: self, to, cluster, listens: true, auth: gate === null ? 'none' : 'scram' }
    // Also to somebody who is refused: his log should name who answered him.
    this.connection.sendHello(own)
    this.#hello = hello
    const refusal = events.refusalOf(hello) ?? mismatchOf(hello, own)
    if (refusal !== null) return this.connection.refuse(refusal)
    if (gate === null) return this.#enterUnasked()
    this.#visit = gate.ask({
      connection: this.connection,
      hellos: { dialler: hello, listener: own },
      address: socket.remoteAddress ?? '',
      onWrong: (reason) => events.onProtocolError(reason),
    })
  }

  #onProof(body: Uint8Array): void {
    const proved = this.#visit?.onFrame(body) ?? null
    if (proved !== null) this.#enter(proved.principal, proved.welcome)
  }

  #enterUnasked(): void {
    const { certificates, socket } = this.#options
    const who = certificates === null ? ANYBODY : certificates.principalOf(socket)
    if (typeof who === 'string') this.connection.refuse(who)
    else this.#enter(who)
  }

  #enter(principal: Principal, welcome: () => void = () => {}): void {
    this.#principal = principal
    const { events } = this.#options
    const refusal = events.refusalOfGuest(this)
    if (refusal !== null) return this.connection.refuse(refusal)
    this.#visit = null
    welcome()
    this.connection.accept()
    events.onEntered(this)
  }
}

function mismatchOf(theirs: Hello, own: Hello): string | null {
  if (theirs.auth === own.auth) return null
  return own.auth === 'scram'
    ? 'offers no proof of who it is: it has neither credentials nor the secret of the cluster'
    : 'asks for a proof, and this node has no secret to prove anything by: start it with --secret-file'
}
