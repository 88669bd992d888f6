/** Whoever connects without meaning well: says what it likes over a plain socket, past every check of a client library. */
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import type { ClientMessage, RequestIdentity, ServerMessage } from '../../protocol/client-messages.ts'
import { decodeBatch } from '../../protocol/codec/batch.ts'
import { encodeClientBatch } from '../../protocol/codec/client-codec.ts'
import type { ReadCommand, WriteCommand } from '../../protocol/commands.ts'
import { encodeFrame, encodeHello, FrameSplitter } from '../../protocol/frame.ts'
import { asChainId, asKey, asMillis, NO_SEQ } from '../../protocol/ids.ts'
import type { LocalClusterOptions } from '../../runtime/processes/local-cluster.ts'
import { checkLogs, startTestCluster, type TestCluster, until } from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'

const HOST = '127.0.0.1'
let strangers = 0

export const helloOf = (from: string, listens = false): Uint8Array =>
  encodeFrame(encodeHello({ from, to: '', cluster: 'catenary', listens, auth: 'none' }))

/** A connection to a native port that has said hello. */
export class Stranger {
  readonly replies: ServerMessage[] = []
  readonly socket: Socket
  isClosed = false
  #calls = 0
  #greeted = false

  constructor(port: number, options: { from?: string; listens?: boolean } = {}) {
    this.socket = connect(port, HOST)
    const splitter = new FrameSplitter(64 * 1024 * 1024)
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isClosed = true
    })
    this.socket.on('data', (chunk) => {
      splitter.push(chunk)
      for (let body = splitter.next(); body !== null; body = splitter.next()) {
        const batch = this.#greeted ? decodeBatch(body) : null
        if (batch?.type === 'server') this.replies.push(...batch.messages)
        this.#greeted = true
      }
    })
    this.socket.write(helloOf(options.from ?? `client-stranger-${++strangers}`, options.listens))
  }

  /** Whether its hello was answered. */
  get isGreeted(): boolean {
    return this.#greeted
  }

  body(body: Uint8Array): void {
    this.socket.write(encodeFrame(body))
  }

  send(messages: readonly ClientMessage[]): void {
    this.body(encodeClientBatch(messages))
  }

  async ask(message: (call: number) => ClientMessage): Promise<ServerMessage> {
    const call = ++this.#calls
    this.send([message(call)])
    const find = () => this.replies.find((reply) => reply.call === call)
    await until(`an answer to call ${call}`, () => find() !== undefined || this.isClosed, 10_000)
    return find() ?? { type: 'status-reply', call, json: 'the connection was closed' }
  }

  /** The code and the message with which a command is refused. */
  async refusalOf(message: (call: number) => ClientMessage): Promise<string> {
    const reply = await this.ask(message)
    if (reply.type === 'failed') return `${reply.failure.code}: ${reply.failure.message}`
    if (reply.type === 'write-reply' && reply.result.type === 'refused')
      return `${reply.result.code}: ${reply.result.message}`
    return `not refused: ${reply.type}`
  }

  end(): void {
    this.socket.destroy()
  }
}

const CHAIN = asChainId('c0')
const NEVER = { type: 'set', atWallMs: asMillis(0) } as const

export const write = (command: WriteCommand, identity: RequestIdentity | null = null) => {
  return (call: number): ClientMessage => ({ type: 'write', call, chain: CHAIN, identity, command })
}

export const read = (command: ReadCommand) => {
  const options = { consistency: { type: 'strong' }, atLeast: NO_SEQ } as const
  return (call: number): ClientMessage => ({ type: 'read', call, chain: CHAIN, command, options })
}

export const put = (key: string, value: Uint8Array | number) =>
  ({ type: 'put', key: asKey(key), value: bytes(value), expiry: NEVER, condition: null }) as const

export const bytes = (value: Uint8Array | number) =>
  typeof value === 'number' ? new Uint8Array(value) : value

/** Throws bytes at a port and goes away, at the latest after a moment. */
export function throwAt(port: number, garbage: Uint8Array | string, staysMs = 200): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST)
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => resolve())
    socket.write(garbage)
    setTimeout(() => socket.destroy(), staysMs)
  })
}

/** Connects as often as it is told, a few at a time, and says nothing. */
export async function knockAt(port: number, times: number): Promise<void> {
  const knock = () =>
    new Promise<void>((resolve) => {
      const socket = connect(port, HOST, () => socket.destroy())
      socket.on('error', () => {})
      socket.on('close', () => resolve())
    })
  for (let done = 0; done < times; done += 100) await Promise.all(Array.from({ length: 100 }, knock))
}

/**
 * A cluster for all tests of a file, with a load beside them that must not suffer: each test ends with progress of the load, and the file with its
 * account. No error of the load is excused, and no process may have stumbled.
 */
export function besideLoad(
  options: Omit<LocalClusterOptions, 'directory' | 'entry'> = {},
): () => TestCluster {
  let test: TestCluster | null = null
  let load: ClusterLoad | null = null
  let failed = false
  beforeAll(async () => {
    test = await startTestCluster({ coordinators: 1, ...options })
    load = await ClusterLoad.start(test, { timeoutMs: 20_000 })
    await load.progress()
  })
  afterEach(async ({ task }) => {
    await load?.progress()
    if (task.result?.state === 'fail') failed = true
    load?.cut(task.name)
  })
  afterAll(async () => {
    try {
      if (failed || test === null) return await load?.stop()
      failed = true
      await test.cluster.untilWhole()
      await load?.verify()
      expect(load?.errors).toEqual([])
      checkLogs(test.cluster)
      failed = false
    } finally {
      await test?.close({ failed })
    }
  })
  return () => {
    if (test === null) throw new Error('the cluster has not started')
    return test
  }
}
