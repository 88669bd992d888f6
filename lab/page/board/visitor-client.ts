import type { OperationResult } from '../../../client/core/events.ts'
import type { ServerMessage } from '../../../protocol/client-messages.ts'
import type { Batch } from '../../../protocol/codec/batch.ts'
import type { Consistency, ReadCommand, WriteCommand } from '../../../protocol/commands.ts'
import { asMillis, asSeq, type ChainId, type Key } from '../../../protocol/ids.ts'
import { slotOf } from '../../../protocol/slots.ts'
import type { KvInput, KvOutput } from '../../checker/operations.ts'
import type { HistoryRecorder } from '../../simulator/client/history.ts'
import { outputOf } from '../../simulator/client/kv-operations.ts'
import type { SimClient } from '../../simulator/client/sim-client.ts'
import type { Link, Network } from '../../simulator/kernel/network.ts'
import { STORE_DOOR } from '../../simulator/server/sim-data-server.ts'
import type { ClientOperation } from './action.ts'
import { operationText } from './action-text.ts'
import { bytesText, shortened } from './value-text.ts'
import type { OperationView } from './view.ts'

/** After this long an operation has no answer any more; the core tries as long as it makes sense. */
const TIMEOUT_MS = 10_000
const encoder = new TextEncoder()
const NEVER = { type: 'set', atWallMs: asMillis(0) } as const

interface Asked {
  readonly input: KvInput
  readonly command: ReadCommand | WriteCommand
}

/** A client of the visitor: the real client's core, and for reads at a chosen replica a line of its own to that server, which asks once and retries nothing. */
export class VisitorClient {
  readonly client: SimClient
  readonly operations: OperationView[] = []
  readonly #network: Network
  readonly #history: HistoryRecorder
  readonly #onAnswer: (told: boolean) => void
  readonly #nowMs: () => number
  readonly #weakNumber: () => number
  #places = new Map<number, number>()
  #lines = new Map<string, Link>()
  /** Reads at a chosen server, by call. */
  #waiting = new Map<number, { readonly server: string; done(message: ServerMessage | null): void }>()
  #calls = 0
  #open = new Set<number>()

  constructor(options: {
    readonly client: SimClient
    readonly network: Network
    readonly history: HistoryRecorder
    readonly nowMs: () => number
    /** Weak reads have no place in the history: their numbers are below 0. */
    readonly weakNumber: () => number
    /** `told`: it is known what came of it. */
    readonly onAnswer: (told: boolean) => void
  }) {
    this.client = options.client
    this.#network = options.network
    this.#history = options.history
    this.#onAnswer = options.onAnswer
    this.#nowMs = options.nowMs
    this.#weakNumber = options.weakNumber
  }

  /** After each start of a life. */
  begin(): void {
    this.#lines = new Map()
    this.client.process.onCrash(() => {
      for (const id of this.#open) this.#close(id, 'unknown', 'the client crashed', 'info')
      this.#waiting = new Map()
    })
  }

  /** @returns why it cannot be done, or null. */
  do(operation: ClientOperation): string | null {
    const { process } = this.client
    if (!process.alive) return `${process.name} is down`
    const asked = askedOf(operation)
    const strong = operation.type !== 'get' || (operation.consistency ?? 'strong') === 'strong'
    const id = strong ? this.#history.invoke(process.name, asked.input) : this.#weakNumber()
    this.#places.set(id, this.operations.length)
    this.operations.push({
      id,
      text: operationText(operation),
      key: operation.key,
      calledMs: this.#nowMs(),
      returnedMs: null,
      state: 'open',
      answer: null,
      judged: strong,
    })
    this.#open.add(id)
    process.note('invoke', () => `${id} ${operationText(operation)}`)
    if (operation.type === 'get' && operation.at !== undefined) {
      const chain = this.client.chainOf(operation.key as Key)
      if (chain === null) this.#close(id, 'failed', 'the client has no map of the cluster yet', 'fail')
      else this.#askAt({ id, at: operation.at, chain, asked, consistency: consistencyOf(operation) })
    } else this.#submit(id, operation, asked)
    return null
  }

  #submit(id: number, operation: ClientOperation, { input, command }: Asked): void {
    const common = {
      place: { type: 'slot', slot: slotOf(operation.key as Key) } as const,
      timeoutMs: TIMEOUT_MS,
      bytes: 64,
    }
    const waiter = {
      done: (result: OperationResult) => this.#answered(id, input, result),
      failed: (error: { readonly code: string; readonly message: string; readonly outcome: string }) => {
        const definite = operation.type === 'get' || error.outcome === 'definite'
        this.#close(id, definite ? 'failed' : 'unknown', error.code, definite ? 'fail' : 'info')
      },
    }
    if (operation.type === 'get')
      this.client.submit(
        {
          ...common,
          type: 'read',
          command: command as ReadCommand,
          consistency: consistencyOf(operation),
          policy: 'spread',
        },
        waiter,
      )
    else this.client.submit({ ...common, type: 'write', command: command as WriteCommand }, waiter)
  }

  #answered(id: number, input: KvInput, result: OperationResult): void {
    const output = outputOf(input, result)
    if (output === null)
      this.#close(id, 'failed', result.type === 'refused' ? result.message : result.type, 'fail')
    else this.#close(id, 'ok', answerText(result), 'ok', output)
  }

  #close(
    id: number,
    state: OperationView['state'],
    answer: string,
    how: 'ok' | 'fail' | 'info',
    output: KvOutput = {},
  ): void {
    const place = this.#places.get(id)
    const operation = place === undefined ? undefined : this.operations[place]
    if (operation === undefined || place === undefined || !this.#open.delete(id)) return
    const { process } = this.client
    const returnedMs = this.#nowMs()
    this.operations[place] = { ...operation, state, returnedMs, answer: shortened(answer, 120) }
    process.note(state, () => `${id} ${answer}`)
    if (id > 0) {
      if (how === 'ok') this.#history.ok(id, output)
      else if (how === 'fail') this.#history.fail(id, answer)
      else this.#history.info(id, answer)
    }
    this.#onAnswer(how === 'ok')
  }

  // A read at one server.

  #askAt(read: {
    readonly id: number
    readonly at: string
    readonly chain: ChainId
    readonly asked: Asked
    readonly consistency: Consistency
  }): void {
    const { id, at, chain, asked, consistency } = read
    const call = ++this.#calls
    const timer = this.client.process.timers.after(TIMEOUT_MS, () => this.#waiting.get(call)?.done(null))
    this.#waiting.set(call, {
      server: at,
      done: (message) => {
        timer.cancel()
        this.#waiting.delete(call)
        if (message?.type === 'read-reply') this.#answered(id, asked.input, message.result)
        else if (message?.type === 'failed') this.#close(id, 'failed', message.failure.message, 'fail')
        else this.#close(id, 'failed', `no answer from ${at}`, 'fail')
      },
    })
    const options = { consistency, atLeast: asSeq(0) }
    const message = { type: 'read', call, chain, command: asked.command as ReadCommand, options } as const
    this.#lineTo(at).send({ type: 'client', messages: [message] } satisfies Batch)
  }

  #lineTo(server: string): Link {
    const known = this.#lines.get(server)
    if (known !== undefined) return known
    const { process } = this.client
    const line = this.#network.dial(
      process,
      server,
      STORE_DOOR,
      {
        onReceive: (body) => {
          const batch = body as Batch
          if (batch.type !== 'server') return
          for (const message of batch.messages) this.#waiting.get(message.call)?.done(message)
        },
        onDown: () => {
          if (this.#lines.get(server) === line) this.#lines.delete(server)
          for (const waiting of [...this.#waiting.values()]) if (waiting.server === server) waiting.done(null)
        },
      },
      `${process.name}.${process.life}-at`,
    )
    this.#lines.set(server, line)
    return line
  }
}

function askedOf(operation: ClientOperation): Asked {
  const key = operation.key as Key
  switch (operation.type) {
    case 'get':
      return { input: { f: 'get', key }, command: { type: 'get', keys: [key] } }
    case 'put': {
      const { value } = operation
      return {
        input: { f: 'put', key, value },
        command: { type: 'put', key, value: encoder.encode(value), expiry: NEVER, condition: null },
      }
    }
    case 'append': {
      const { value } = operation
      return {
        input: { f: 'append', key, value },
        command: { type: 'append', key, value: encoder.encode(value) },
      }
    }
    case 'increment':
      return {
        input: { f: 'increment', key, by: operation.by },
        command: { type: 'increment', key, by: operation.by },
      }
    case 'delete':
      return { input: { f: 'delete', key }, command: { type: 'delete', key, condition: null } }
    case 'cas': {
      const { expect, value } = operation
      const condition =
        expect === null
          ? ({ type: 'absent' } as const)
          : ({ type: 'value', value: encoder.encode(expect) } as const)
      return {
        input: { f: 'cas', key, expect: { value: expect }, value },
        command: { type: 'put', key, value: encoder.encode(value), expiry: { type: 'keep' }, condition },
      }
    }
  }
}

function consistencyOf({ consistency, bound }: Extract<ClientOperation, { type: 'get' }>): Consistency {
  switch (consistency) {
    case 'eventual':
      return { type: 'eventual' }
    case 'bounded-age':
      return { type: 'bounded-age', maxAgeMs: asMillis(bound ?? 1000) }
    case 'bounded-versions':
      return { type: 'bounded-versions', maxVersions: bound ?? 1 }
    default:
      return { type: 'strong' }
  }
}

function answerText(result: OperationResult): string {
  switch (result.type) {
    case 'values': {
      const [found = null] = result.values
      const value = found === null ? 'nothing' : `${bytesText(found.value)} (version ${found.version})`
      return result.committed ? value : `${value}, uncommitted`
    }
    case 'written':
      return result.number === null
        ? `version ${result.version}`
        : `${result.number} (version ${result.version})`
    case 'unmatched':
      return `no: it is ${result.current === null ? 'absent' : bytesText(result.current.value)}`
    default:
      return result.type
  }
}
