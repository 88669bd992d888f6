/** What one hostile connection says, and how it must end. */
import { decodeRequests } from '../../../protocol/codec/batch.ts'
import { encodeClientBatch } from '../../../protocol/codec/client-codec.ts'
import { CodecError } from '../../../protocol/codec/fields.ts'
import { encodeFrame, encodeHello, HELLO_BYTES_MAX, type Hello } from '../../../protocol/frame.ts'
import { TRANSPORT_LIMITS } from '../../../protocol/transport.ts'
import type { Rng } from '../../simulator/kernel/rng.ts'
import { joined, randomBytes } from '../mutations.ts'
import { BodyMaker } from './body-maker.ts'
import { httpRequests } from './http-maker.ts'
import { PeerBodyMaker } from './peer-body-maker.ts'
import { unprovenFrames } from './unproven.ts'

export type DoorName = 'native' | 'peer' | 'http'

/** How a connection must end. */
export type Ending =
  /** The other side closes it, and says why in its log. */
  | { readonly type: 'refused'; readonly reason: RegExp }
  /** The last request is answered: all before it was read, and nothing of it was wrong. */
  | { readonly type: 'answered'; readonly call: number }
  /** The client hangs up in the middle of something. */
  | { readonly type: 'leaves' }
  /** Another connection of this name takes its place, or the last request is answered. */
  | { readonly type: 'replaced'; readonly call: number }
  /** It says no more, and the other side closes it. */
  | { readonly type: 'http' }

export interface Visit {
  readonly door: DoorName
  /** Which server it goes to, where it is not the peer port. */
  readonly server: string
  /** Written one after the other, in turns of their own. */
  readonly pieces: readonly Uint8Array[]
  readonly right: number
  readonly mutated: number
  /** Bytes of another connection, said once more. */
  readonly replayed: number
  readonly ending: Ending
}

export interface Surroundings {
  readonly cluster: string
  readonly server: string
  readonly coordinator: string
  /** Other servers of the chain: who says hello in their name takes their place where nobody has to prove anything. */
  readonly members: readonly string[]
  /** Whether the servers ask for a proof. */
  readonly secured: boolean
}

/** Fences are numbered from here: no request that anybody makes comes near it. */
const FENCES = 2 ** 45
const INPUTS_MAX = 30
/** How often a changed body that is refused is given up for one that gets further. */
const TRIES = 4
const PEER_REASONS = new RegExp(
  [
    ...['it is no member of this ensemble', 'it belongs to ensemble', 'not a msgpack body', 'after its end'],
    ...['begins with a name', 'not a message of a coordinator', 'an array that long', 'arrays within arrays'],
    ...['a value of kind', 'cut short'],
  ].join('|'),
)
/** A frame that is too long for a proof, or is none. */
const UNPROVEN = /^(no proof: .*|frame of \d+ bytes; at most 1024 are allowed here)$/

export class VisitMaker {
  readonly #rng: Rng
  readonly #number: number
  readonly #around: Surroundings
  readonly #bodies: BodyMaker

  /** Each visit has dice of its own: it can be made again from the seed and its number. */
  constructor(seed: Rng, number: number, around: Surroundings) {
    this.#rng = seed.fork(`visit ${number}`)
    this.#number = number
    this.#around = around
    this.#bodies = new BodyMaker(this.#rng)
  }

  /** A visit at the native or the peer port. `before`: some other visit, to be said again. */
  visit(before: Visit | null): Visit {
    const rng = this.#rng
    const how = rng.fraction()
    if (how < 0.12) return this.#wrongHello()
    if (how < 0.2 && !this.#around.secured) return this.#peer()
    if (how < 0.22) return this.#flood()
    if (how < 0.25) return this.#unfinished()
    if (how < 0.26) return this.#tooLong()
    if (how < 0.263 && this.#around.members.length > 0) return this.#inMembersName()
    if (how < 0.29 && before !== null) return this.#replay(before)
    return this.#around.secured ? this.#unproven() : this.#batches()
  }

  http(): Visit {
    const { bytes, requests } = httpRequests(this.#rng)
    const counts = { right: 0, mutated: requests, replayed: 0 }
    const { server } = this.#around
    return { door: 'http', server, pieces: this.#inPieces(bytes), ...counts, ending: { type: 'http' } }
  }

  get #fence(): number {
    return FENCES + this.#number
  }

  #hello(change: Partial<Hello> = {}): Uint8Array {
    const { server, cluster } = this.#around
    const from = `stranger-${this.#number}`
    const listens = this.#rng.chance(0.3)
    const auth = this.#around.secured ? 'scram' : 'none'
    return encodeFrame(encodeHello({ from, to: server, cluster, listens, auth, ...change }))
  }

  #fenceFrame(): Uint8Array {
    return encodeFrame(encodeClientBatch([{ type: 'map-request', call: this.#fence }]))
  }

  /** Right and wrong bodies behind each other, up to the first that ends the connection. */
  #batches(): Visit {
    const rng = this.#rng
    // Who can be dialled is not answered over the connection that he dialled.
    const frames = [this.#hello({ listens: false })]
    const counts = { right: 0, mutated: 0, replayed: 0 }
    let reason: RegExp | null = null
    for (let left = rng.between(1, INPUTS_MAX); left > 0; left--) {
      const right = rng.chance(0.1)
      const body = right ? this.#bodies.client() : this.#hostileBody()
      counts[right ? 'right' : 'mutated']++
      frames.push(encodeFrame(body))
      reason = refusalOf(body)
      if (reason !== null) break
    }
    if (reason === null) frames.push(this.#fenceFrame())
    const ending: Ending =
      reason === null ? { type: 'answered', call: this.#fence } : { type: 'refused', reason }
    const { server } = this.#around
    return { door: 'native', server, pieces: this.#inPieces(joined(...frames)), ...counts, ending }
  }

  /** Mostly such as can be read: those go deepest. */
  #hostileBody(): Uint8Array {
    let body = this.#anyHostileBody()
    for (let left = TRIES; left > 0 && refusalOf(body) !== null; left--) body = this.#anyHostileBody()
    return body
  }

  #anyHostileBody(): Uint8Array {
    const bodies = this.#bodies
    const how = this.#rng.fraction()
    if (how < 0.72) return bodies.changed()
    if (how < 0.9) return bodies.chain()
    if (how < 0.93) return bodies.replies()
    return how < 0.96 ? bodies.bomb() : bodies.noise()
  }

  #wrongHello(): Visit {
    const rng = this.#rng
    const hello = this.#hello({ to: '' })
    const [bytes, reason] = rng.pick<() => [Uint8Array, RegExp]>([
      () => [hello.with(8, rng.pick([0, 1, 4, 9, 255])), /protocol version \d+/],
      () => [hello.with(4 + rng.below(4), 0x99), /not a hello/],
      () => [this.#hello({ cluster: rng.pick(['', 'another', 'x'.repeat(250)]) }), /belongs to cluster/],
      () => [this.#hello({ to: rng.pick(['n77', '../..', 'x'.repeat(200)]) }), /wants/],
      () => [this.#hello({ to: '', from: rng.pick(['', 'a b', 'a.b', '>', '\0', 'é']) }), /no usable id/],
      () => [this.#hello({ to: '', from: this.#around.server }), /takes the name/],
      () => [cutFrame(hello, rng.between(6, hello.length - 5)), /cut short|not a hello/],
      () => [encodeFrame(joined(hello.subarray(4), randomBytes(rng, 20))), /after its end|too long/],
      () => [Uint8Array.of(0, 0, 0, 0), /not a hello/],
      () => [numberedFrame(HELLO_BYTES_MAX + 1 + rng.below(2 ** 31)), /frame of \d+ bytes/],
      () => [ascii('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /frame of \d+ bytes/],
      () => [ascii('*1\r\n$4\r\nPING\r\n'), /frame of \d+ bytes/],
      () => [Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), /it speaks TLS|frame of \d+ bytes/],
      () => [joined(Uint8Array.of(0, 0, 0, 45), new Uint8Array(45)), /not a hello/],
    ])()
    return this.#one(this.#inPieces(bytes), { type: 'refused', reason })
  }

  /** Many connections under one name: the newest counts. */
  #flood(): Visit {
    const hello = this.#hello({ from: `twin-${this.#rng.below(3)}`, listens: false })
    const bytes = this.#around.secured ? hello : joined(hello, this.#fenceFrame())
    const ending: Ending = this.#around.secured ? { type: 'leaves' } : { type: 'replaced', call: this.#fence }
    return this.#one([bytes], ending)
  }

  /** It goes while the other side waits for the rest. */
  #unfinished(): Visit {
    const rng = this.#rng
    const length = rng.scale(100, this.#around.secured ? HELLO_BYTES_MAX : TRANSPORT_LIMITS.frameBytesMax)
    const begun = joined(this.#hello(), numberedFrame(length), randomBytes(rng, rng.scale(1, 90)))
    const hello = this.#hello()
    const bytes = rng.chance(0.7) ? begun : hello.subarray(0, rng.below(hello.length))
    return this.#one([bytes], { type: 'leaves' })
  }

  #tooLong(): Visit {
    const length = TRANSPORT_LIMITS.frameBytesMax + 1 + this.#rng.below(2 ** 31)
    const bytes = joined(this.#hello(), numberedFrame(length))
    return this.#one([bytes], { type: 'refused', reason: /frame of \d+ bytes/ })
  }

  /** Where nobody has to prove anything, a name is all there is. What it says here must have no effect all the same. */
  #inMembersName(): Visit {
    const rng = this.#rng
    const hello = this.#hello({ from: rng.pick(this.#around.members), listens: true })
    const body = this.#bodies.fenced()
    const pieces = [joined(hello, encodeFrame(body))]
    return this.#one(
      pieces,
      this.#around.secured ? { type: 'refused', reason: UNPROVEN } : { type: 'leaves' },
    )
  }

  /** He says everything but what would let him in. */
  #unproven(): Visit {
    const rng = this.#rng
    const door = rng.chance(0.15) ? 'peer' : 'native'
    const to = door === 'peer' ? this.#around.coordinator : this.#around.server
    if (rng.chance(0.1)) {
      const pieces = [joined(this.#hello({ to, auth: 'none' }), encodeFrame(this.#bodies.client()))]
      return { ...this.#one(pieces, { type: 'refused', reason: /^offers no proof/ }), door }
    }
    const { frames, mutated } = unprovenFrames(rng, this.#bodies)
    const pieces = this.#inPieces(joined(this.#hello({ to }), ...frames))
    return { ...this.#one(pieces, { type: 'refused', reason: UNPROVEN }), door, mutated }
  }

  #peer(): Visit {
    const from = this.#rng.chance(0.9) ? `stranger-${this.#number}` : 'coordinator-77'
    const hello = this.#hello({ from, to: this.#around.coordinator, listens: false })
    const body = encodeFrame(new PeerBodyMaker(this.#rng).body())
    const pieces = this.#inPieces(joined(hello, body))
    return { ...this.#one(pieces, { type: 'refused', reason: PEER_REASONS }), door: 'peer' }
  }

  /** Word for word what somebody has said before, from another connection. */
  #replay(before: Visit): Visit {
    const { right, mutated, replayed } = before
    return { ...before, right: 0, mutated: 0, replayed: right + mutated + replayed }
  }

  #one(pieces: readonly Uint8Array[], ending: Ending): Visit {
    const counts = { pieces, right: 0, mutated: 1, replayed: 0 }
    return { door: 'native', server: this.#around.server, ...counts, ending }
  }

  #inPieces(bytes: Uint8Array): Uint8Array[] {
    if (this.#rng.chance(0.9)) return [bytes]
    const at = this.#rng.below(bytes.length)
    return [bytes.subarray(0, at), bytes.subarray(at)]
  }
}

/** Why a server must close the connection that brings this body; null: it must not. */
function refusalOf(body: Uint8Array): RegExp | null {
  try {
    decodeRequests(body)
    return null
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    return new RegExp(`^${error.message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
  }
}

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

const cutFrame = (frame: Uint8Array, bytes: number) => encodeFrame(frame.subarray(4, 4 + bytes))

/** The header of a frame of so many bytes, alone. */
function numberedFrame(length: number): Uint8Array {
  const header = new Uint8Array(4)
  new DataView(header.buffer).setUint32(0, length)
  return header
}
