/** Writes of one connection that are on their way to the head together: it carries them out in their order, and so they are answered. */
import type { Failure, WriteResult } from '../../../protocol/commands.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'
import type { Command, HeadOperation } from './command.ts'
import { failureText } from './failures.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Args } from './request-reader.ts'
import type { DoorServices } from './session.ts'
import { LIMITS } from './settings.ts'

interface Slot {
  readonly command: Command
  readonly operation: HeadOperation
  readonly args: Args | null
  readonly key: Key
  readonly chain: ChainId
  result: WriteResult | Failure | null
}

/** A write whose result at the head did not say enough: it has to be done on a snapshot. */
export interface FallenBack {
  readonly command: Command
  readonly args: Args
  readonly chain: ChainId
}

export class WriteQueue {
  readonly #door: DoorServices
  readonly #answered: () => void
  #slots: Slot[] = []

  /** @param answered - called from inside of the store. */
  constructor(door: DoorServices, answered: () => void) {
    this.#door = door
    this.#answered = answered
  }

  get isEmpty(): boolean {
    return this.#slots.length === 0
  }

  clear(): void {
    this.#slots = []
  }

  /** Whether an operation may follow those that are on their way: what follows one that may have to be done otherwise must not be done before it. */
  takes(chain: ChainId, { mayFallBack = false }: HeadOperation): boolean {
    const last = this.#slots.at(-1)
    if (last === undefined) return true
    return (
      last.chain === chain &&
      this.#slots.length < LIMITS.writesMax &&
      (last.operation.mayFallBack ?? false) === mayFallBack
    )
  }

  add(
    command: Command,
    args: Args,
    operation: HeadOperation,
    { chain, key }: { chain: ChainId; key: Key },
  ): void {
    const kept = operation.mayFallBack === true ? args.keep() : null
    const slot: Slot = { command, operation, args: kept, key, chain, result: null }
    this.#slots.push(slot)
    this.#door.store.write(chain, operation.command, (result) => {
      slot.result = result
      this.#answered()
    })
  }

  /** Says what is known, in order. @returns what has to be done on a snapshot before anything else is said. */
  advance(reply: ReplyWriter): FallenBack | null {
    let ended = 0
    let fallen: FallenBack | null = null
    for (const slot of this.#slots) {
      if (slot.result === null || fallen !== null) break
      ended++
      fallen = this.#show(slot, slot.result, reply)
    }
    if (ended > 0) this.#slots.splice(0, ended)
    return fallen
  }

  #show({ operation, args, key, command, chain }: Slot, result: WriteResult | Failure, reply: ReplyWriter) {
    if (result.type === 'failure') this.#refuse(failureText(result, key, this.#door.topology), reply)
    else if (!operation.show(result, reply)) {
      if (args !== null) return { command, args, chain }
      this.#refuse(result.type === 'refused' ? `ERR ${result.message}` : 'ERR no answer', reply)
    }
    return null
  }

  #refuse(text: string, reply: ReplyWriter): void {
    this.#door.statistics.countError(text)
    reply.error(text)
  }
}
