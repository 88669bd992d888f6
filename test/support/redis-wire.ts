/** Redis without a client library: what is sent and what comes back, byte by byte. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../runtime/processes/free-ports.ts'

/** Where the reply that begins at `start` ends; -1: it is not complete. */
export function replyEnd(text: string, start = 0): number {
  const line = text.indexOf('\r\n', start)
  if (line < 0) return -1
  const type = text[start] ?? ''
  const count = Number(text.slice(start + 1, line))
  if ('$=!'.includes(type)) {
    const end = count < 0 ? line + 2 : line + 2 + count + 2
    return end <= text.length ? end : -1
  }
  if (!'*~>%'.includes(type)) return line + 2
  let end = line + 2
  for (let left = type === '%' ? 2 * count : count; left > 0 && end >= 0; left--) end = replyEnd(text, end)
  return end
}

export const encodeRequest = (words: readonly string[]): Buffer =>
  Buffer.from(
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`,
    'latin1',
  )

export class RedisWire {
  readonly #socket: Socket
  #text = ''
  #waiting: (() => void) | null = null
  closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#waiting?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#waiting?.()
    })
  }

  static async open(port: number): Promise<RedisWire> {
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new RedisWire(socket)
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** The next reply as it came, one character a byte; what is left where the connection has been closed. */
  async reply(): Promise<string> {
    for (;;) {
      const end = replyEnd(this.#text)
      if (end >= 0 || this.closed) {
        const reply = this.#text.slice(0, end >= 0 ? end : undefined)
        this.#text = this.#text.slice(reply.length)
        return reply
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  ask(...words: string[]): Promise<string> {
    this.send(encodeRequest(words))
    return this.reply()
  }

  /** Reads nothing more. */
  pause(): void {
    this.#socket.pause()
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

export interface RealRedis {
  readonly port: number
  stop(): Promise<void>
}

/** Debian's redis-server, with all slots of a cluster of one. */
export async function startRealRedis({ cluster = true } = {}): Promise<RealRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'catenary-redis-'))
  // A cluster's bus takes the port that is 10,000 above.
  const port = (await freePorts(30)).find((free) => free <= 65_535 - 10_000) ?? 0
  const options = ['--port', String(port), '--dir', directory, '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', [...options, '--cluster-enabled', cluster ? 'yes' : 'no'], {
    stdio: 'ignore',
  })
  const stop = () => stopRedis(child, directory)
  try {
    const wire = await untilUp(port)
    if (cluster) {
      await wire.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
      while (!(await wire.ask('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(20)
    }
    wire.close()
  } catch (error) {
    await stop()
    throw error
  }
  return { port, stop }
}

async function untilUp(port: number): Promise<RedisWire> {
  for (let tries = 0; ; tries++) {
    try {
      return await RedisWire.open(port)
    } catch (error) {
      if (tries === 250) throw error
      await sleep(20)
    }
  }
}

async function stopRedis(child: ChildProcess, directory: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  if (child.exitCode === null && child.kill('SIGKILL')) await ended
  rmSync(directory, { recursive: true, force: true })
}
