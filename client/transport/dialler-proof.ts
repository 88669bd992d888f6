import { encodeHello, FrameError, type Hello } from '../../protocol/frame.ts'
import { ScramClient, ScramError } from '../../protocol/scram.ts'
import { NODE_SCRAM, type Prover } from './node-scram.ts'
import type { TcpConnection } from './tcp-connection.ts'

/** What both sides of a connection have said before the proof. */
export interface Hellos {
  readonly dialler: Hello
  readonly listener: Hello
}

/** What the proof binds: whoever changes a name on the way breaks it. */
export function bindingOf({ dialler, listener }: Hellos): Uint8Array {
  return NODE_SCRAM.sha256(Buffer.concat([encodeHello(dialler), encodeHello(listener)]))
}

export interface DiallerProofEvents {
  onProved(): void
  /** It will be the same next time. */
  onRefused(reason: string): void
}

/** The dialler's part of the proof. It begins to speak at once. */
export class DiallerProof {
  readonly #prover: Prover
  readonly #connection: TcpConnection
  readonly #events: DiallerProofEvents
  readonly #scram: ScramClient
  #waitsFor: 'challenge' | 'key' | 'verdict' = 'challenge'

  constructor(options: {
    readonly prover: Prover
    readonly connection: TcpConnection
    readonly hellos: Hellos
    readonly events: DiallerProofEvents
  }) {
    this.#prover = options.prover
    this.#connection = options.connection
    this.#events = options.events
    const { user } = options.prover
    this.#scram = new ScramClient({ primitives: NODE_SCRAM, user, binding: bindingOf(options.hellos) })
    this.#connection.sendProof(this.#scram.first)
  }

  /** @throws {FrameError} it is no part of a proof. */
  onFrame(body: Uint8Array): void {
    try {
      this.#onText(new TextDecoder().decode(body))
    } catch (error) {
      if (!(error instanceof ScramError)) throw error
      if (error.code !== 'invalid-proof') throw new FrameError(error.message)
      this.#events.onRefused(error.message)
    }
  }

  #onText(text: string): void {
    if (this.#waitsFor === 'verdict') {
      this.#scram.onVerdict(text)
      return this.#events.onProved()
    }
    if (this.#waitsFor === 'key') throw new FrameError('says more than it was asked')
    const question = this.#scram.onChallenge(text)
    this.#waitsFor = 'key'
    // Nothing that came over the wire makes this fail: if it does, it is a bug, and ends the process.
    void this.#prover.salted(question).then((salted) => {
      this.#waitsFor = 'verdict'
      this.#connection.sendProof(this.#scram.proof(salted))
    })
  }
}
