import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadMessage, LoadOrder } from './load-process.ts'
import { type Count, resultOf } from './tally.ts'
import type { LoadResult, LoadTask } from './task.ts'

/** The heap's young part is as large as a server's (see `LocalProcess`). */
const NODE_ARGS = ['--max-semi-space-size=32']

/** A load that ended before its time. `partial`: what had been measured by then, null where nothing had begun. */
export class LoadFailure extends Error {
  override readonly name = 'LoadFailure'
  readonly partial: LoadResult | null

  constructor(message: string, partial: LoadResult | null) {
    super(message)
    this.partial = partial
  }
}

export interface LoadProcessOptions {
  readonly signal?: AbortSignal
  /** The measured span has begun. */
  readonly onSpan?: () => void
  /**
   * Where one load process would be the bottleneck: so many share the task, each with its share of what is outstanding or due, and their results become one.
   * Default: 1.
   */
  readonly processes?: number
  /** Of the load process. Default: the one beside this module. */
  readonly entry?: string
}

/** Sources run in tests alone, and Node cannot start them: then it is what the build made of them. */
function ownEntry(): string {
  const fromSource = import.meta.url.endsWith('.ts')
  const path = fromSource ? '../../dist/lab/load/load-process.js' : './load-process.js'
  return fileURLToPath(new URL(path, import.meta.url))
}

/**
 * Runs a load in a process of its own, so that it shares no event loop with anything.
 *
 * @throws {LoadFailure} an operation failed (unless errors are tolerated), the store cannot be reached, or the process died. The signal's reason.
 *
 * @example
 * const result = await runLoadProcess(task, { signal })
 * if (result.clientCpuSeconds > 0.9 * result.seconds) console.log('the client was the bottleneck')
 */
export async function runLoadProcess(task: LoadTask, options: LoadProcessOptions = {}): Promise<LoadResult> {
  const { signal, processes = 1, entry = ownEntry() } = options
  signal?.throwIfAborted()
  const children = sharesOf(task, processes).map((order) => new LoadChild(entry, order))
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason)
  })
  aborted.catch(() => {}) // raced for below
  signal?.addEventListener('abort', abort)
  try {
    await Promise.race([aborted, Promise.all(children.map((child) => child.ready))])
    for (const child of children) child.begin()
    children[0]?.span.then(() => options.onSpan?.())
    const counts = await Promise.race([aborted, Promise.all(children.map((child) => child.count))])
    return resultOf(counts)
  } finally {
    signal?.removeEventListener('abort', abort)
    await Promise.all(children.map((child) => child.end()))
  }
}

/** What is outstanding, or due, in nearly equal parts. */
function sharesOf(task: LoadTask, processes: number): LoadOrder[] {
  const { loop } = task
  const inFlight = loop.type === 'closed' ? loop.outstanding : loop.outstandingMax
  const of = Math.max(1, Math.min(processes, inFlight))
  return Array.from({ length: of }, (_, index) => {
    const share = Math.floor(inFlight / of) + (index < inFlight % of ? 1 : 0)
    const part =
      loop.type === 'closed'
        ? { ...loop, outstanding: share }
        : { ...loop, perSecond: loop.perSecond / of, outstandingMax: share }
    return { task: { ...task, loop: part }, part: { index, of } }
  })
}

class LoadChild {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  /** Connected. Rejects as `count` does. */
  readonly ready: Promise<void>
  readonly span: Promise<void>
  readonly count: Promise<Count>

  constructor(entry: string, order: LoadOrder) {
    const child = fork(entry, [], { execArgv: NODE_ARGS, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child = child
    const hears = (type: LoadMessage['type']) =>
      new Promise<void>((resolve) => {
        child.on('message', (message: LoadMessage) => {
          if (message.type === type) resolve()
        })
      })
    this.span = hears('span')
    this.count = new Promise((resolve, reject) => {
      child.on('message', (message: LoadMessage) => {
        if (message.type === 'done') resolve(message.count)
        if (message.type === 'failed') reject(failureOf(message))
      })
      child.once('exit', (code, name) =>
        reject(new LoadFailure(`the load process ended by itself (${name ?? `status ${code}`})`, null)),
      )
      child.once('error', reject)
    })
    this.ready = Promise.race([hears('ready'), this.count.then(() => {})])
    for (const promise of [this.ready, this.count]) promise.catch(() => {}) // both are waited for later, or not at all
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    child.send(order, () => {}) // where it cannot be told, it has ended, and that is heard
  }

  begin(): void {
    if (this.#child.connected) this.#child.send('go', () => {})
  }

  /** Ends it, however it stands. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}

function failureOf({ message, count }: LoadMessage & { type: 'failed' }): LoadFailure {
  return new LoadFailure(message, count === null ? null : resultOf([count]))
}
