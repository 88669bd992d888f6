/** A well-behaved client of the servers that are attacked: whatever others do, it reads what it has written. */
import type { Client } from '../../../client/client.ts'
import { connect } from '../../../client/connect.ts'
import { StoreError } from '../../../protocol/errors.ts'
import { FuzzError } from '../fuzz-error.ts'
import type { Target } from './target.ts'

const KEYS = 200
const TRIES = 5

export class NativeWitness {
  readonly #client: Client
  /** Of its keys. */
  readonly #prefix: string
  /** By key: what it must read there. */
  readonly #written = new Map<string, string>()
  #number = 0
  #stopped = false
  calls = 0
  maxMs = 0

  private constructor(client: Client, prefix: string) {
    this.#client = client
    this.#prefix = prefix
  }

  static async connect(
    { addresses, cluster, credentials }: Pick<Target, 'addresses' | 'cluster' | 'credentials'>,
    name: string,
  ): Promise<NativeWitness> {
    // A session is a number that others can guess, and hostile clients do: its requests would be taken for answered.
    const options = { timeoutMs: 20_000, exactlyOnce: false, ...credentials }
    return new NativeWitness(await connect({ servers: addresses, cluster, ...options }), `witness/${name}/`)
  }

  /** Goes on until `stop`. @throws {FuzzError} a wrong answer; or what the client throws where there is none. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.look()
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async look(): Promise<void> {
    const begunMs = performance.now()
    const number = ++this.#number
    const [key, value] = [`${this.#prefix}${number % KEYS}`, `value ${number}`]
    await this.#put(key, value)
    this.#written.set(key, value)
    await this.#check(key)
    this.calls += 2
    this.maxMs = Math.max(this.maxMs, performance.now() - begunMs)
  }

  /** A busy server makes a client dial anew, and a write without a session may then have happened: it is said again. */
  async #put(key: string, value: string): Promise<void> {
    for (let left = TRIES; ; left--) {
      try {
        await this.#client.put(key, value)
        return
      } catch (error) {
        if (!(error instanceof StoreError) || error.outcome !== 'indefinite' || left === 0) throw error
      }
    }
  }

  async #check(key: string): Promise<void> {
    const found = (await this.#client.get(key))?.text() ?? null
    if (found !== this.#written.get(key))
      throw new FuzzError(
        `the well-behaved client read ${JSON.stringify(found)}, and had written ${JSON.stringify(this.#written.get(key))}`,
      )
  }

  /** Everything under its prefix is as it has left it, and there is nothing else. */
  async checkAll(): Promise<void> {
    let count = 0
    for await (const { key } of this.#client.scan({ prefix: this.#prefix })) if (key.length > 0) count++
    for (const key of this.#written.keys()) await this.#check(key)
    if (count !== this.#written.size)
      throw new FuzzError(
        `${count} keys are there of the ${this.#written.size} that the well-behaved client wrote`,
      )
  }

  /** Nobody else has written anything. */
  async checkAlone(): Promise<void> {
    for await (const { key } of this.#client.scan())
      if (!`${key}`.startsWith('witness/'))
        throw new FuzzError(`somebody without a proof has written ${JSON.stringify(key)}`)
  }

  async close(): Promise<void> {
    await this.#client.close()
  }
}
