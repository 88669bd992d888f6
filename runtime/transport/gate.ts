/**
 * Who may come in over a listener that asks: both sides prove that they know the same (protocol/scram.ts). Who is wrong hears of it late, and an address where several
 * wait for that is not asked any more; servers of the cluster are, because nobody can guess what they know.
 */
import { bindingOf, type Hellos } from '../../client/transport/dialler-proof.ts'
import { NODE_SCRAM } from '../../client/transport/node-scram.ts'
import type { TcpConnection } from '../../client/transport/tcp-connection.ts'
import { MEMBER, type Principal } from '../../protocol/access.ts'
import { FrameError } from '../../protocol/frame.ts'
import { refusalText, ScramError, ScramServer, type UserDirectory } from '../../protocol/scram.ts'
import { networkOf } from './address-counts.ts'

export interface GateOptions {
  readonly users: UserDirectory
  /** By which names that nobody has get salts: the same at all servers of a cluster. */
  readonly strangersKey: Uint8Array
  /** How long a wrong proof waits for its answer. Default: 1000. */
  readonly refusalMs?: number
}

const REFUSAL_MS = 1000
/** Wrong proofs of one address (of IPv6: of one network) that wait for their answer. */
const WRONG_PER_ADDRESS_MAX = 16
/** In the log. */
const NAME_SHOWN = 64

export interface GateCall {
  readonly connection: TcpConnection
  readonly hellos: Hellos
  /** The address alone. */
  readonly address: string
  /** Why he is not let in, as soon as that is known; the connection is closed later. */
  readonly onWrong: (reason: string) => void
}

export class Gate {
  readonly #options: GateOptions
  /** Wrong proofs that wait for their answer, by network. */
  readonly #wrong = new Map<string, number>()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** Somebody has said hello. */
  ask(call: GateCall): GateVisit {
    return new GateVisit(this, call)
  }

  server({ hellos }: GateCall): ScramServer {
    const { users, strangersKey } = this.#options
    return new ScramServer({ primitives: NODE_SCRAM, users, strangersKey, binding: bindingOf(hellos) })
  }

  /** False: who is wrong now may be right soon. */
  get isComplete(): boolean {
    return this.#options.users.isComplete?.() ?? true
  }

  isBusyWith(network: string): boolean {
    return (this.#wrong.get(network) ?? 0) >= WRONG_PER_ADDRESS_MAX
  }

  /** Calls back when it is time to answer; earlier it cannot be had, even by hanging up. */
  delay(network: string, answer: () => void): void {
    this.#wrong.set(network, (this.#wrong.get(network) ?? 0) + 1)
    setTimeout(() => {
      const left = (this.#wrong.get(network) ?? 1) - 1
      if (left > 0) this.#wrong.set(network, left)
      else this.#wrong.delete(network)
      answer()
    }, this.#options.refusalMs ?? REFUSAL_MS).unref()
  }
}

/** One connection at the gate. */
export class GateVisit {
  readonly #gate: Gate
  readonly #call: GateCall
  readonly #network: string
  readonly #scram: ScramServer
  #waitsFor: 'first' | 'final' | 'nothing' = 'first'

  constructor(gate: Gate, call: GateCall) {
    this.#gate = gate
    this.#call = call
    this.#network = networkOf(call.address)
    this.#scram = gate.server(call)
  }

  /**
   * @returns who he is, once he has proved it: `welcome` tells him.
   * @throws {FrameError} it is no part of a proof.
   */
  onFrame(body: Uint8Array): { readonly principal: Principal; readonly welcome: () => void } | null {
    try {
      return this.#onText(new TextDecoder().decode(body))
    } catch (error) {
      throw error instanceof ScramError ? new FrameError(`no proof: ${error.message}`) : error
    }
  }

  #onText(text: string): ReturnType<GateVisit['onFrame']> {
    const { connection } = this.#call
    if (this.#waitsFor === 'nothing') return null // whatever he adds: he has been wrong
    if (this.#waitsFor === 'first') {
      this.#waitsFor = 'final'
      connection.sendProof(this.#scram.onFirst(text))
      return null
    }
    this.#waitsFor = 'nothing'
    if (this.#gate.isBusyWith(this.#network) && this.#scram.user !== MEMBER.name) {
      connection.sendProof(refusalText('other-error'))
      throw new FrameError('no proof is looked at while so many of its address are wrong')
    }
    const verdict = this.#scram.onFinal(text)
    if (verdict.type === 'refused') {
      this.#refuse(verdict.reason)
      return null
    }
    return { principal: verdict.principal, welcome: () => connection.sendProof(verdict.text) }
  }

  #refuse(why: string): void {
    const { connection, onWrong } = this.#call
    const isKnown = this.#gate.isComplete
    const reason = `user ${JSON.stringify(this.#scram.user.slice(0, NAME_SHOWN))} ${why}`
    onWrong(reason)
    this.#gate.delay(this.#network, () => {
      connection.sendProof(refusalText(isKnown ? 'invalid-proof' : 'other-error'))
      connection.part(reason)
    })
  }
}
