/** What a turn has to say to each peer: one body each when it ends, more where it would get too long. */
import type { MemberId } from '../../coordinator/raft/ids.ts'
import { asMemberId } from '../../coordinator/raft/ids.ts'
import { entryBytes } from '../../coordinator/raft/log.ts'
import type { Transport } from '../../protocol/transport.ts'
import { encodeBody, type PeerMessage, toWireArray } from './peer-messages.ts'

/** Far below what the transport refuses, even with one largest message more. */
const BODY_BYTES = 4 * 1024 * 1024

interface Pile {
  arrays: unknown[][]
  bytes: number
}

export class PeerLinks {
  readonly #transport: Transport
  readonly #ensembleId: () => string
  readonly #piles = new Map<MemberId, Pile>()
  /** Peers for whom something was dropped at once: their link is down. */
  readonly #refused = new Set<MemberId>()

  constructor(transport: Transport, ensembleId: () => string) {
    this.#transport = transport
    this.#ensembleId = ensembleId
  }

  send(to: MemberId, message: PeerMessage): void {
    let pile = this.#piles.get(to)
    if (pile === undefined) {
      pile = { arrays: [], bytes: 0 }
      this.#piles.set(to, pile)
    }
    pile.arrays.push(toWireArray(message))
    pile.bytes += bytesOf(message)
    if (pile.bytes >= BODY_BYTES) this.#sendPile(to, pile)
  }

  /** @returns the peers for whom what was sent since the last flush is lost. */
  flush(): MemberId[] {
    for (const [to, pile] of this.#piles) if (pile.arrays.length > 0) this.#sendPile(to, pile)
    this.#transport.flush()
    const refused = [...this.#refused]
    this.#refused.clear()
    return refused
  }

  #sendPile(to: MemberId, pile: Pile): void {
    if (!this.#transport.send(to, encodeBody(this.#ensembleId(), pile.arrays)))
      this.#refused.add(asMemberId(to))
    pile.arrays = []
    pile.bytes = 0
  }
}

function bytesOf(peerMessage: PeerMessage): number {
  if (peerMessage.type === 'forward') return 16 + peerMessage.command.length
  if (peerMessage.type !== 'raft') return 64
  const { message } = peerMessage
  if (message.type === 'snapshot-chunk') return 64 + message.bytes.length
  if (message.type !== 'append-entries') return 64
  return message.entries.reduce((bytes, entry) => bytes + 24 + entryBytes(entry), 64)
}
