import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** One process of a local cluster. It ends when its parent does, whichever way. */
export class LocalProcess {
  readonly name: string
  readonly #entry: string
  readonly #args: readonly string[]
  readonly #nodeArgs: readonly string[]
  readonly #logFile: string
  readonly #env: Readonly<Record<string, string>>
  readonly #launcher: readonly string[]
  #child: ChildProcess | null = null
  #paused = false
  #exited: Promise<number | null> = Promise.resolve(null)

  /** @param options.launcher - a command that becomes the program that it is given: `nsenter`, for one. Default: none. */
  constructor(options: {
    name: string
    entry: string
    args: readonly string[]
    /** For Node.js itself. Default: none. */
    nodeArgs?: readonly string[]
    logFile: string
    launcher?: readonly string[]
    /** Besides those of this process, of which it inherits no credentials. */
    env?: Readonly<Record<string, string>>
  }) {
    this.name = options.name
    this.#entry = options.entry
    this.#args = options.args
    this.#nodeArgs = options.nodeArgs ?? []
    this.#logFile = options.logFile
    this.#env = options.env ?? {}
    this.#launcher = options.launcher ?? []
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  get isRunning(): boolean {
    return this.#child !== null
  }

  /** Whether it can answer: it runs, and no signal has stopped it. */
  get isAwake(): boolean {
    return this.isRunning && !this.#paused
  }

  get log(): string {
    return readFileSync(this.#logFile, 'utf8')
  }

  /** Starts it, again if need be. Its output is appended to its log file. */
  start(): void {
    if (this.#child !== null) return
    const log = openSync(this.#logFile, 'a')
    // The channel is there only to be closed: a child whose parent vanishes notices.
    const [program = process.execPath, ...words] = [
      ...this.#launcher,
      process.execPath,
      ...this.#nodeArgs,
      this.#entry,
      ...this.#args,
    ]
    const child = spawn(program, words, {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...inherited(), ...this.#env },
    })
    closeSync(log)
    this.#child = child
    this.#paused = false
    running.add(child)
    this.#exited = new Promise((resolve) => {
      const ended = (code: number | null) => {
        running.delete(child)
        if (this.#child === child) this.#child = null
        resolve(code)
      }
      child.once('exit', ended)
      child.once('error', () => ended(null))
    })
  }

  /** Sends a signal without waiting: SIGSTOP and SIGCONT among others. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') this.#paused = signal === 'SIGSTOP'
    this.#child?.kill(signal)
  }

  /** Ends it by SIGKILL, as a power cut of this process would. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  /** Asks it to stop; insists after a while. Resolves with its exit status. */
  async stop(graceMs = 10_000): Promise<number | null> {
    const child = this.#child
    if (child === null) return null
    child.kill('SIGTERM')
    const insist = setTimeout(() => child.kill('SIGKILL'), graceMs)
    const code = await this.#exited
    clearTimeout(insist)
    return code
  }

  get exited(): Promise<number | null> {
    return this.#exited
  }
}

/** Who starts a cluster of his own may be somebody to another one: by these its processes would take themselves for members of that. */
const CREDENTIALS = /^CATENARY_((FORMER_)?SECRET_FILE|USER|PASSWORD_FILE|TLS_\w+)$/

const inherited = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !CREDENTIALS.test(name)))
