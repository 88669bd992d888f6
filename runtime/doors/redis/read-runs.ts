/** Reads of one connection that follow each other: one snapshot answers all of them, and so none shows less than those before it. */
import type { Failure, ReadResult, Versioned } from '../../../protocol/commands.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'
import type { Command } from './command.ts'
import { failureText } from './failures.ts'
import { ReplyError } from './reply-error.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Args } from './request-reader.ts'
import type { DoorServices } from './session.ts'
import { LIMITS } from './settings.ts'
import { Overlay } from './space.ts'

interface Run {
  readonly chain: ChainId
  readonly keys: Key[]
  readonly items: ReadItem[]
  result: ReadResult | Failure | null
}

interface ReadItem {
  readonly command: Command
  /** Of commands that show more than one value. */
  readonly args: Args | null
  readonly keyCount: number
}

export class ReadRuns {
  readonly #door: DoorServices
  readonly #answered: () => void
  /** Those that may still get company. */
  #growing: Run | null = null
  /** Those that are to be asked for; the first one has been, if `#asked`. */
  #runs: Run[] = []
  #asked = false
  #keysMax: number = LIMITS.readKeysFirst

  /** @param answered - called from inside of the store. */
  constructor(door: DoorServices, answered: () => void) {
    this.#door = door
    this.#answered = answered
  }

  get isEmpty(): boolean {
    return this.#growing === null && this.#runs.length === 0
  }

  get isGrowing(): boolean {
    return this.#growing !== null
  }

  clear(): void {
    this.#growing = null
    this.#runs = []
  }

  /** @returns false where those before it have to be answered first. */
  add(command: Command, args: Args, chain: ChainId, keys: Key[]): boolean {
    const run = this.#growing
    if (run !== null && (run.chain !== chain || run.keys.length + keys.length > this.#keysMax)) return false
    const item: ReadItem = {
      command,
      args: command.show === undefined ? args.keep() : null,
      keyCount: keys.length,
    }
    if (run === null) this.#growing = { chain, keys, items: [item], result: null }
    else {
      for (const key of keys) run.keys.push(key)
      run.items.push(item)
    }
    return true
  }

  /** Nothing joins them any more. */
  close(): void {
    if (this.#growing !== null) this.#runs.push(this.#growing)
    this.#growing = null
  }

  /** Whether `advance` has more to ask or to say. */
  get hasMore(): boolean {
    return this.#runs.length > 0
  }

  /** Asks, and says what is known, up to a reply that should leave first. False: an answer is still to come. */
  advance(reply: ReplyWriter): boolean {
    while (this.#runs.length > 0) {
      // Who does not read is not read for, either: values are far longer than the requests for them.
      if (reply.length > LIMITS.outputPauseBytes) return true
      const run = this.#runs[0] as Run
      if (!this.#asked) this.#ask(run)
      if (run.result === null) return false
      this.#asked = false
      this.#runs.shift()
      const begun = reply.length
      this.#show(run, run.result, reply)
      if (reply.length - begun > LIMITS.readBytesWanted) this.#keysMax = Math.ceil(this.#keysMax / 2)
      else if (this.#keysMax < LIMITS.readKeysMax) this.#keysMax *= 2
    }
    return true
  }

  #ask(run: Run): void {
    this.#asked = true
    this.#door.store.read(run.chain, { type: 'get', keys: run.keys }, (result) => {
      run.result = result
      this.#answered()
    })
  }

  #show(run: Run, result: ReadResult | Failure, reply: ReplyWriter): void {
    if (result.type === 'failure' && result.code === 'TOO_LARGE' && run.items.length > 1)
      return this.#askApart(run)
    let at = 0
    for (const item of run.items) {
      if (result.type === 'values') this.#showItem(item, run.keys, result.values, at, reply)
      else if (result.type === 'failure')
        this.#refuse(failureText(result, run.keys[at] ?? null, this.#door.topology), reply)
      at += item.keyCount
    }
  }

  #refuse(text: string, reply: ReplyWriter): void {
    this.#door.statistics.countError(text)
    reply.error(text)
  }

  /** Together they are too much for one answer. */
  #askApart(run: Run): void {
    let at = 0
    const apart = run.items.map((item) => {
      const keys = run.keys.slice(at, at + item.keyCount)
      at += item.keyCount
      return { chain: run.chain, keys, items: [item], result: null }
    })
    this.#runs.unshift(...apart)
  }

  #showItem(
    { command, args, keyCount }: ReadItem,
    keys: readonly Key[],
    values: readonly (Versioned | null)[],
    at: number,
    reply: ReplyWriter,
  ): void {
    const { statistics } = this.#door
    const found = values[at] ?? null
    if (found === null) statistics.misses++
    else statistics.hits++
    const time = { wallMs: this.#door.wallMs() }
    if (args === null) return command.show?.(found, reply, time)
    const begun = reply.length
    try {
      const space = new Overlay(keys.slice(at, at + keyCount), values.slice(at, at + keyCount))
      command.run?.(space, args, reply, time)
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error
      reply.rewind(begun)
      this.#refuse(error.message, reply)
    }
  }
}
