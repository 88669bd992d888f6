/** One server process of another project: started, waited for with a bound, heard when it fails, ended by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Debian puts servers where not every user's PATH looks. */
export const serverPath = (): string => [process.env['PATH'], '/usr/sbin', '/usr/local/sbin'].join(delimiter)
export const PEERS_ADVICE = 'scripts/install-test-servers.sh --peers installs it'

const TERM_MS = 400
const POLL_MS = 25
const LAST_WORDS_BYTES = 1500
const PORT_TAKEN = /address already in use|BindException|Could not create server TCP listening socket/i

export interface PeerCommand {
  readonly name: string
  /** A name in PATH, or a path. */
  readonly program: string
  readonly args: readonly string[]
  /** The member's own folder: its data and its log (`<name>.log`). Made where it is missing. */
  readonly directory: string
  readonly env?: Readonly<Record<string, string>>
  /** For the message, should one of them be taken. */
  readonly ports: readonly number[]
}

/** None of them outlives this process, however it ends in an orderly way. */
const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export class PeerProcess {
  readonly command: PeerCommand
  readonly #log: string
  #child: ChildProcess | null = null
  #spawnError: NodeJS.ErrnoException | null = null
  #exit: Promise<void> = Promise.resolve()

  constructor(command: PeerCommand) {
    this.command = command
    this.#log = join(command.directory, `${command.name}.log`)
  }

  get name(): string {
    return this.command.name
  }

  /** @throws where it is not running. */
  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined || !this.running) throw new Error(`${this.name} is not running`)
    return pid
  }

  get running(): boolean {
    const child = this.#child
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Starts the program; whether it is ready is another question (`ready`). */
  async launch(): Promise<void> {
    const { program, args, directory, env } = this.command
    await mkdir(directory, { recursive: true })
    // A file, not a pipe: nobody reads along, so nothing can fill up.
    const log = openSync(this.#log, 'a')
    this.#spawnError = null
    try {
      const child = spawn(program, args, {
        cwd: directory,
        env: { ...process.env, PATH: serverPath(), ...env },
        stdio: ['ignore', log, log],
      })
      this.#child = child
      living.add(child)
      this.#exit = new Promise((resolve) => {
        const gone = () => {
          living.delete(child)
          resolve()
        }
        child.once('exit', gone)
        child.once('error', (error) => {
          this.#spawnError = error
          gone()
        })
      })
      // A program that is not there says so only now.
      await new Promise<void>((resolve) => {
        child.once('spawn', resolve)
        child.once('error', () => resolve())
      })
    } finally {
      closeSync(log)
    }
  }

  /**
   * Waits until `isReady` holds; it may throw for "not yet".
   *
   * @throws where the process ends before, or the time is over: with its last words.
   */
  async ready(isReady: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs
    let reason = ''
    for (;;) {
      this.assertRunning()
      try {
        if (await isReady()) return
      } catch (error) {
        reason = error instanceof Error ? `: ${error.message}` : ''
      }
      if (performance.now() > endMs)
        throw new Error(`${this.name} is not ready after ${timeoutMs} ms${reason}${this.lastWords()}`)
      await pause(POLL_MS)
    }
  }

  /** @throws where it has ended, saying why as well as can be told. */
  assertRunning(): void {
    const { program, ports } = this.command
    if (this.#spawnError?.code === 'ENOENT')
      throw new Error(`${this.name}: ${program} is not installed: ${PEERS_ADVICE}`)
    if (this.#spawnError !== null) throw new Error(`${this.name}: ${this.#spawnError.message}`)
    if (this.running) return
    const said = this.lastWords()
    const how = this.#child?.signalCode ?? `code ${this.#child?.exitCode}`
    if (PORT_TAKEN.test(said))
      throw new Error(
        `${this.name}: one of its ports is in use by another process (${ports.join(', ')})${said}`,
      )
    throw new Error(`${this.name} ended with ${how}${said}`)
  }

  /** The end of its log, on lines of its own; empty where it said nothing. */
  lastWords(): string {
    try {
      const said = readFileSync(this.#log, 'utf8').slice(-LAST_WORDS_BYTES).trim()
      return said === '' ? '' : `\n${said}`
    } catch {
      return ''
    }
  }

  /** SIGKILL; returns once it is gone. */
  async kill(): Promise<void> {
    if (this.running) this.#child?.kill('SIGKILL')
    await this.#exit
  }

  /** SIGTERM, and soon SIGKILL: what it would still save, nobody will read. Never throws. */
  async end(): Promise<void> {
    if (this.running) {
      this.#child?.kill('SIGTERM')
      const bound = new AbortController()
      await Promise.race([this.#exit, pause(TERM_MS, null, { signal: bound.signal }).catch(() => {})])
      bound.abort()
    }
    await this.kill()
  }
}

/** What a server answers to a text sent on a connection of its own, until it closes it or `enough` holds. */
export function ask(
  port: number,
  question: string,
  enough: (answer: string) => boolean,
  timeoutMs = 2000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ host: '127.0.0.1', port })
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer from port ${port}`)))
    socket.once('connect', () => socket.write(question))
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (enough(answer)) socket.end()
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
  })
}

/** The body of an HTTP answer, as JSON. @throws where there is none in time. */
export async function askJson(url: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(2000),
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  return response.json()
}
