/** Bodies for the port at which coordinators hear each other, from somebody who is none of them. */
import { asLogIndex, asTerm } from '../../../coordinator/raft/ids.ts'
import { encodeBody, type PeerMessage, toWireArray } from '../../../runtime/coordinator/peer-messages.ts'
import type { Rng } from '../../simulator/kernel/rng.ts'
import { changedOnce, randomBytes } from '../mutations.ts'

const NUMBERS = [0, 1, 2, 100, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]
const INTS = [0, -1, 0x7fffffff, 0x01ffffff, -0x22000001, 0x91919191]
const HUGE = [0xff, 0xff, 0xff, 0xff]

export class PeerBodyMaker {
  readonly #rng: Rng

  constructor(rng: Rng) {
    this.#rng = rng
  }

  body(): Uint8Array {
    const rng = this.#rng
    const how = rng.fraction()
    if (how < 0.15) return this.#bomb()
    if (how < 0.25) return randomBytes(rng, rng.scale(1, 300))
    const ensemble = rng.pick(['', 'another', '00000000', 'x'.repeat(300)])
    const arrays = Array.from({ length: rng.scale(1, 5) }, () => toWireArray(this.#message()))
    const body = encodeBody(ensemble, arrays).slice()
    return how < 0.5 ? body : changedOnce(rng, body, { headerBytes: 2, numbers: INTS, other: body.slice() })
  }

  #bomb(): Uint8Array {
    const rng = this.#rng
    const depth = rng.scale(2, 20_000)
    const repeated = (...part: readonly number[]) => Array.from({ length: depth }, () => part).flat()
    return Uint8Array.from(
      rng.pick([
        repeated(0x91),
        repeated(0xdd, 1, 0xff, 0xff, 0xff),
        repeated(0x81, 0xa0),
        [0x92, 0xa0, 0xdd, ...HUGE],
        [0x92, 0xa0, 0xdf, ...HUGE],
        [0x92, 0xa0, 0xdb, ...HUGE, 0x61],
        [0x92, 0xa0, 0xc6, ...HUGE],
        [0x92, 0xa0, 0xc9, ...HUGE, 0x74],
        [0x92, 0xa0, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61],
      ]),
    )
  }

  #message(): PeerMessage {
    const rng = this.#rng
    const number = () => rng.pick(NUMBERS)
    const [term, index] = [asTerm(number()), asLogIndex(number())]
    const command = randomBytes(rng, rng.scale(1, 100))
    return rng.pick<() => PeerMessage>([
      () => ({ type: 'forward', command }),
      () => ({ type: 'rejected', connection: number() }),
      () => ({ type: 'heard', sessions: [BigInt(number()), -1n] }),
      () => ({ type: 'raft', message: { type: 'timeout-now', term } }),
      () => ({ type: 'raft', message: { type: 'vote-reply', term, granted: true } }),
      () => ({
        type: 'raft',
        message: { type: 'vote-request', term, lastIndex: index, lastTerm: term, transfer: rng.chance(0.5) },
      }),
      () => ({
        type: 'raft',
        message: {
          ...{
            type: 'append-entries',
            term,
            round: number(),
            prevIndex: index,
            prevTerm: term,
            commit: index,
          },
          entries: [{ term, index: asLogIndex(index + 1), command }],
        },
      }),
    ])()
  }
}
