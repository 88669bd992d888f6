/** What a turn has to say to each other member: one body each, as runtime/coordinator/peer-links.ts has it. */
import type { MemberId } from '../../../coordinator/raft/ids.ts'
import type { PeerPort } from '../../../runtime/coordinator/member-ports.ts'
import type { PeerBody, PeerMessage } from '../../../runtime/coordinator/peer-messages.ts'
import type { SimTransport } from '../kernel/transport.ts'

/** The real encoding of bodies (runtime/coordinator/peer-messages.ts), for whoever wants bytes on the links. */
export interface PeerCodec {
  encode(body: PeerBody): Uint8Array
  decode(bytes: Uint8Array): PeerBody
}

/** Messages travel by reference, which is what makes them cheap; or as bytes. */
export class SimPeers implements PeerPort {
  readonly #transport: SimTransport
  readonly #ensembleId: () => string
  readonly #codec: PeerCodec | null
  readonly #piles = new Map<MemberId, PeerMessage[]>()

  constructor(transport: SimTransport, ensembleId: () => string, codec: PeerCodec | null) {
    this.#transport = transport
    this.#ensembleId = ensembleId
    this.#codec = codec
  }

  send(to: MemberId, message: PeerMessage): void {
    const pile = this.#piles.get(to)
    if (pile === undefined) this.#piles.set(to, [message])
    else pile.push(message)
  }

  flush(): readonly MemberId[] {
    for (const [to, messages] of this.#piles) {
      const body: PeerBody = { ensembleId: this.#ensembleId(), messages }
      this.#transport.send(to, this.#codec === null ? body : this.#codec.encode(body))
    }
    this.#piles.clear()
    return NOBODY
  }
}

const NOBODY: readonly MemberId[] = []

/** What arrived. A leader writes its time into the commands that it was sent: each receiver gets its own. */
export function receivedBody(body: unknown, codec: PeerCodec | null): PeerBody {
  if (codec !== null) return codec.decode(body as Uint8Array)
  const { ensembleId, messages } = body as PeerBody
  return {
    ensembleId,
    messages: messages.map((message) =>
      message.type === 'forward' ? { ...message, command: message.command.slice() } : message,
    ),
  }
}
