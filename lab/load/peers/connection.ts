/** The socket below a speaker: connects, greets, writes once per turn, fails what waits when the other side goes, and comes back. */
import { connect, type Socket } from 'node:net'
import { OutBuffer } from './out-buffer.ts'
import { ProtocolError, type Speaker, type SpeakerFactory, type Waiting } from './speaker.ts'

const RECONNECT_MS = 100
/** A connection that is not ready after so long is given up, and made anew. */
const READY_MS = 5000
const TICK_MS = 1000
/** Of one-second ticks: how long an operation waits for its answer. Long where an error ends the measurement, short where failures are what is measured. */
const PATIENCE = { patient: 15, impatient: 2 } as const

export class Connection {
  readonly endpoint: string
  /** In the list of those that its target flushes at the end of the turn. */
  dirty = false
  readonly #factory: SpeakerFactory
  readonly #out = new OutBuffer()
  #socket: Socket | null = null
  #speaker: Speaker | null = null
  #ready = false
  #closed = false
  #lastError = 'not connected yet'
  readonly #patienceTicks: number
  #tick = 0
  #flushScheduled = false
  #ticker: NodeJS.Timeout | null = null
  #again: NodeJS.Timeout | null = null
  readonly #waitingForReady: (() => void)[] = []

  /**
   * @param endpoint - `host:port`
   * @param options.retries - the caller goes on after errors: what is not answered in two seconds is one (else in fifteen).
   */
  constructor(endpoint: string, options: { readonly retries: boolean }, factory: SpeakerFactory) {
    this.endpoint = endpoint
    this.#patienceTicks = options.retries ? PATIENCE.impatient : PATIENCE.patient
    this.#factory = factory
    this.#ticker = setInterval(() => this.#onTick(), TICK_MS)
    this.#ticker.unref()
    this.#connect()
  }

  get open(): boolean {
    return this.#ready && this.#speaker?.exhausted === false
  }

  get pending(): number {
    return this.#speaker?.pending ?? 0
  }

  get lastError(): string {
    return this.#lastError
  }

  /** @throws where it is not ready in time, with the reason of the last attempt. */
  async ready(timeoutMs: number): Promise<void> {
    if (this.#ready) return
    await new Promise<void>((resolve, reject) => {
      const bound = setTimeout(() => {
        reject(new Error(`${this.endpoint} is not ready after ${timeoutMs} ms: ${this.#lastError}`))
      }, timeoutMs)
      this.#waitingForReady.push(() => {
        clearTimeout(bound)
        resolve()
      })
    })
  }

  /** Only while it is `open`. */
  submit(waiting: Waiting): void {
    waiting.beganTick = this.#tick
    this.#speaker?.submit(waiting)
  }

  flush(): void {
    this.dirty = false
    if (this.#out.length > 0 && this.#socket !== null) this.#socket.write(this.#out.take())
  }

  close(): void {
    this.#closed = true
    if (this.#ticker !== null) clearInterval(this.#ticker)
    if (this.#again !== null) clearTimeout(this.#again)
    this.#lose('the client is closing')
  }

  #connect(): void {
    const colon = this.endpoint.lastIndexOf(':')
    const socket = connect({
      host: this.endpoint.slice(0, colon),
      port: Number(this.endpoint.slice(colon + 1)),
      noDelay: true,
    })
    const ofThisLife = (handle: () => void) => () => {
      if (this.#socket === socket) handle()
    }
    const bound = setTimeout(
      ofThisLife(() => this.#lose(`no greeting in ${READY_MS} ms`)),
      READY_MS,
    )
    this.#socket = socket
    this.#out.clear()
    const speaker = this.#factory({
      out: this.#out,
      ready: ofThisLife(() => {
        clearTimeout(bound)
        this.#ready = true
        for (const resolve of this.#waitingForReady.splice(0)) resolve()
      }),
      wantsFlush: ofThisLife(() => this.#flushSoon()),
      fail: (error) => {
        if (this.#socket === socket) this.#lose(error)
      },
    })
    this.#speaker = speaker
    socket.on(
      'connect',
      ofThisLife(() => {
        speaker.begin()
        this.flush()
      }),
    )
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket === socket) this.#onData(speaker, chunk)
    })
    socket.on('error', (error) => {
      if (this.#socket === socket) this.#lose(error.message)
    })
    socket.on('close', () => {
      clearTimeout(bound)
      if (this.#socket === socket) this.#lose('the server closed the connection')
    })
  }

  #onData(speaker: Speaker, chunk: Buffer): void {
    try {
      speaker.onBytes(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#lose(error.message)
      return
    }
    if (speaker.exhausted && speaker.pending === 0) this.#lose('used up')
  }

  #onTick(): void {
    this.#tick++
    if (this.#ready) this.#speaker?.onTick(this.#tick - this.#patienceTicks)
    if (this.#out.length > 0) this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(() => {
      this.#flushScheduled = false
      this.flush()
    })
  }

  #lose(why: string): void {
    const speaker = this.#speaker
    const socket = this.#socket
    this.#ready = false
    this.#speaker = null
    this.#socket = null
    this.#lastError = why
    this.#out.clear()
    socket?.destroy()
    if (!this.#closed && socket !== null) {
      this.#again = setTimeout(() => this.#connect(), RECONNECT_MS)
      this.#again.unref()
    }
    speaker?.fail(`${this.endpoint}: ${why}`)
  }
}
