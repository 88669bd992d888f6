/** The yardsticks' client: against it a store's client has nothing to be ashamed of, because the bytes cost next to nothing. */
import { connect, type Socket } from 'node:net'
import type { ClientMessage } from '../../../protocol/client-messages.ts'
import { decodeServerBatch, encodeClientBatch } from '../../../protocol/codec/client-codec.ts'
import { encodeFrame, encodeHello } from '../../../protocol/frame.ts'
import { asChainId, asKey, asMillis, NO_SEQ } from '../../../protocol/ids.ts'
import { speak } from '../../bench/bare-door.ts'
import { BareReader, BareWriter, KIND, replyBytes, SPEAKER, u32At } from '../../bench/bare-fixed.ts'
import { CallTable } from '../call-table.ts'
import type { Done, Operation, Target, TargetSpec } from '../target.ts'

type BareSpec = Extract<TargetSpec, { kind: 'bare' }>

const READ_BUFFER_BYTES = 256 * 1024
const CHAIN = asChainId('c0')
const STRONG = { consistency: { type: 'strong' }, atLeast: NO_SEQ } as const
const NEVER = { type: 'set', atWallMs: asMillis(0) } as const

export async function openTarget({ port, codec }: BareSpec): Promise<Target> {
  return codec === 'fixed' ? FixedTarget.open(port) : FieldsTarget.open(port)
}

const unable = ({ type }: Operation) => `a bare yardstick knows no ${type}`

/** What both have: calls, and that they fail together with the connection. */
class BareCalls {
  readonly calls = new CallTable<Done>()

  /** Never from inside of `submit`. */
  refuse(done: Done, error: string): void {
    queueMicrotask(() => done(error))
  }

  failAll(error: string): void {
    for (const done of this.calls.takeWhere(() => true)) done(error)
  }
}

class FixedTarget extends BareCalls implements Target {
  readonly #socket: Socket
  readonly #writer: BareWriter
  #gone: string | null = null

  static open(port: number): Promise<FixedTarget> {
    return new Promise((resolve, reject) => {
      const reader = new BareReader(replyBytes)
      const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES)
      const onData = (bytes: number) => {
        const whole = reader.push(buffer.subarray(0, bytes))
        if (whole !== null) target.#onReplies(whole.chunk, whole.end)
        return true
      }
      const socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: { buffer, callback: onData },
      })
      const target = new FixedTarget(socket)
      socket.once('connect', () => resolve(target))
      socket.on('error', reject)
    })
  }

  private constructor(socket: Socket) {
    super()
    this.#socket = socket
    this.#writer = new BareWriter(socket)
    this.#writer.bytes(Uint8Array.of(SPEAKER.client))
    socket.on('error', (error) => this.#lose(error.message))
    socket.on('close', () => this.#lose('the connection was closed'))
  }

  submit(operation: Operation, done: Done): void {
    if (this.#gone !== null) return this.refuse(done, this.#gone)
    switch (operation.type) {
      case 'read':
        this.#writer.request(KIND.read, this.calls.add(done), operation.key, null)
        return
      case 'update':
      case 'insert':
        this.#writer.request(KIND.write, this.calls.add(done), operation.key, operation.value)
        return
      default:
        this.refuse(done, unable(operation))
    }
  }

  flush(): void {
    if (this.#gone === null) this.#writer.flush()
  }

  #onReplies(chunk: Buffer, end: number): void {
    for (let at = 0; at < end; at += replyBytes(chunk, at)) this.calls.take(u32At(chunk, at))?.(null)
  }

  #lose(reason: string): void {
    if (this.#gone !== null) return
    this.#gone = `the bare process: ${reason}`
    this.failAll(this.#gone)
  }

  async close(): Promise<void> {
    this.#gone = 'closed'
    this.#socket.destroy()
  }
}

class FieldsTarget extends BareCalls implements Target {
  readonly #socket: Socket
  readonly #send: (body: Uint8Array) => void
  #queue: ClientMessage[] = []
  #gone: string | null = null

  static open(port: number): Promise<FieldsTarget> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      const target: FieldsTarget = new FieldsTarget(socket, () => resolve(target))
      socket.on('error', reject)
    })
  }

  private constructor(socket: Socket, onGreeted: () => void) {
    super()
    this.#socket = socket
    let greeted = false
    this.#send = speak(socket, (body) => {
      if (greeted) return this.#onReplies(body)
      greeted = true
      onGreeted()
    })
    socket.on('close', () => this.#lose('the connection was closed'))
    socket.write(
      encodeFrame(
        encodeHello({ from: `load-${process.pid}`, to: '', cluster: 'bare', listens: false, auth: 'none' }),
      ),
    )
  }

  submit(operation: Operation, done: Done): void {
    if (this.#gone !== null) return this.refuse(done, this.#gone)
    switch (operation.type) {
      case 'read': {
        const command = { type: 'get', keys: [asKey(operation.key)] } as const
        this.#queue.push({ type: 'read', call: this.calls.add(done), chain: CHAIN, command, options: STRONG })
        return
      }
      case 'update':
      case 'insert': {
        const { key, value } = operation
        const command = { type: 'put', key: asKey(key), value, expiry: NEVER, condition: null } as const
        this.#queue.push({ type: 'write', call: this.calls.add(done), chain: CHAIN, identity: null, command })
        return
      }
      default:
        this.refuse(done, unable(operation))
    }
  }

  flush(): void {
    if (this.#queue.length === 0 || this.#gone !== null) return
    const queue = this.#queue
    this.#queue = []
    this.#send(encodeClientBatch(queue))
  }

  #onReplies(body: Uint8Array): void {
    for (const { call } of decodeServerBatch(body)) this.calls.take(call)?.(null)
  }

  #lose(reason: string): void {
    if (this.#gone !== null) return
    this.#gone = `the bare process: ${reason}`
    this.failAll(this.#gone)
  }

  async close(): Promise<void> {
    this.#gone = 'closed'
    this.#socket.destroy()
  }
}
