/** Clients that meet on a few keys, and write down all that happens to them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, type ReadPolicy, type StoredValue, StoreError } from '../../client/index.ts'
import type { KvExpect, KvInput, KvOutput, KvVersioned } from '../checker/operations.ts'
import type { Rng } from '../simulator/kernel/rng.ts'
import type { KeyRing, SharedKey } from './key-ring.ts'
import type { Call, Recorder } from './recorder.ts'

const POLICIES: readonly ReadPolicy[] = ['spread', 'spread', 'nearest', 'tail', 'no-tail']

interface Attempt {
  readonly input: KvInput
  /** A read has no effect: without an answer it may as well not have been. */
  readonly isRead: boolean
  run(client: Client): Promise<KvOutput>
}

export interface WorkloadOptions {
  readonly recorder: Recorder
  readonly ring: KeyRing
  readonly rng: Rng
  /** Longest pause between two operations of one client: the checker's work grows with all that is recorded. */
  readonly pauseMsMax: number
}

const toVersioned = (value: StoredValue | null): KvVersioned | null =>
  value === null ? null : { value: Buffer.from(value.value).toString('latin1'), version: value.version }

/** What was recorded of an operation goes to the part of its key. */
export const partOf = ({ kind, name }: SharedKey) =>
  ({ model: kind === 'group' ? 'transactions' : 'key-value', name }) as const

/** One client: does one thing at a time, until it is stopped. */
export class Worker {
  readonly #name: string
  readonly #client: Client
  readonly #options: WorkloadOptions
  #life = 1
  #values = 0
  #stopped = false
  readonly #ended: Promise<void>

  constructor(name: string, client: Client, options: WorkloadOptions) {
    this.#name = name
    this.#client = client
    this.#options = options
    this.#ended = this.#work()
    this.#ended.catch(() => {}) // whoever stops it hears of it
  }

  /** Resolves once its last operation has ended. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#ended
  }

  async #work(): Promise<void> {
    const { ring, rng, pauseMsMax } = this.#options
    while (!this.#stopped) {
      const shared = ring.take(rng.below(ring.count))
      await this.#try(shared, this.#draw(shared))
      await sleep(rng.fraction() * pauseMsMax)
    }
  }

  async #try(shared: SharedKey, attempt: Attempt): Promise<void> {
    const { recorder, ring } = this.#options
    const call = recorder.invoke(partOf(shared), `${this.#name}.${this.#life}`, attempt.input)
    try {
      call.ok(await attempt.run(this.#client))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (this.#endBadly(call, attempt, error)) ring.unanswered(shared)
    }
  }

  /** @returns whether it stays open. */
  #endBadly(call: Call, { isRead }: Attempt, error: StoreError): boolean {
    if (isRead || error.outcome === 'definite') {
      call.fail(error.code)
      return false
    }
    call.info(error.code)
    this.#life++ // the open operation belongs to a client that is heard of no more
    return true
  }

  #draw(shared: SharedKey): Attempt {
    switch (shared.kind) {
      case 'register':
        return this.#drawRegister(shared)
      case 'counter':
        return this.#options.rng.chance(0.5) ? this.#increment(shared) : this.#get(shared, shared.name)
      case 'group':
        return this.#drawGroup(shared)
    }
  }

  #drawRegister(shared: SharedKey): Attempt {
    const dice = this.#options.rng.fraction()
    const key = shared.name
    if (dice < 0.45) return this.#get(shared, key)
    if (dice < 0.62) return this.#put(key)
    if (dice < 0.74) return this.#append(key)
    if (dice < 0.8) return this.#delete(key)
    return this.#cas(shared, key)
  }

  #drawGroup(shared: SharedKey): Attempt {
    const { rng } = this.#options
    const dice = rng.fraction()
    const key = rng.pick(shared.keys)
    if (dice < 0.4) return this.#multiGet(shared)
    if (dice < 0.8) return this.#transaction(shared)
    return dice < 0.9 ? this.#get(shared, key) : this.#put(key)
  }

  #newValue(): string {
    return `${this.#name}:${++this.#values}`
  }

  #get(shared: SharedKey, key: string): Attempt {
    const readPolicy = this.#options.rng.pick(POLICIES)
    return {
      input: { f: 'get', key },
      isRead: true,
      run: async (client) => {
        const found = toVersioned(await client.get(key, { readPolicy }))
        note(shared, key, found)
        return { found }
      },
    }
  }

  #put(key: string): Attempt {
    const value = this.#newValue()
    return write({ f: 'put', key, value }, async (client) => versionOf(await client.put(key, value)))
  }

  #append(key: string): Attempt {
    const value = `+${this.#newValue()}`
    return write({ f: 'append', key, value }, async (client) => ({
      version: await client.append(key, value),
    }))
  }

  #delete(key: string): Attempt {
    return write({ f: 'delete', key }, async (client) => versionOf(await client.delete(key)))
  }

  #increment({ name: key }: SharedKey): Attempt {
    const by = this.#options.rng.between(1, 3)
    return write({ f: 'increment', key, by }, async (client) => ({ number: await client.increment(key, by) }))
  }

  #cas(shared: SharedKey, key: string): Attempt {
    const expect = this.#expect(shared, key)
    const value = this.#newValue()
    return write({ f: 'cas', key, expect, value }, async (client) => {
      const outcome = await client.compareAndSet(
        key,
        'version' in expect ? expect.version : expect.value,
        value,
      )
      if (outcome.applied) return { matched: true, version: outcome.version }
      const current = toVersioned(outcome.current)
      note(shared, key, current)
      return { matched: false, current }
    })
  }

  /** By version or by value, of what somebody has seen: it may hold, or not any more. */
  #expect(shared: SharedKey, key: string): KvExpect {
    const seen = shared.seen.get(key) ?? null
    if (seen === null) return { value: null }
    return this.#options.rng.chance(0.5) ? { version: seen.version } : { value: seen.value }
  }

  #multiGet(shared: SharedKey): Attempt {
    const { keys } = shared
    const readPolicy = this.#options.rng.pick(POLICIES)
    return {
      input: { f: 'multi-get', keys },
      isRead: true,
      run: async (client) => {
        const values = (await client.getMany(keys, { readPolicy })).map(toVersioned)
        for (const [i, key] of keys.entries()) note(shared, key, values[i] ?? null)
        return { values }
      },
    }
  }

  /** Compares one key, reads one, writes two; of the writes one may be a delete. */
  #transaction(shared: SharedKey): Attempt {
    const { rng } = this.#options
    const [a, b, c] = rng.chance(0.5) ? shared.keys : [...shared.keys].reverse()
    if (a === undefined || b === undefined || c === undefined) throw new Error('a group has three keys')
    const compares = rng.chance(0.8) ? [{ key: a, expect: this.#expect(shared, a) }] : []
    const value = this.#newValue()
    const writes = [
      { key: a, value },
      { key: b, value: rng.chance(0.1) ? null : value },
    ]
    return write({ f: 'txn', compares, reads: [c, b], writes }, async (client) => {
      const outcome = await client.transaction({
        compare: compares.map(({ key, expect }) => ({ key, ...toCompare(expect) })),
        read: [c, b],
        write: writes,
      })
      const reads = outcome.reads.map(toVersioned)
      note(shared, c, reads[0] ?? null)
      if (!outcome.applied) {
        shared.seen.delete(a)
        return { applied: false, reads }
      }
      note(shared, a, { value, version: outcome.version })
      return { applied: true, version: outcome.version, reads }
    })
  }
}

/** Reads a key, or all keys of a group, and records it. @throws {StoreError} */
export async function readKey(
  client: Client,
  shared: SharedKey,
  { recorder, name }: { recorder: Recorder; name: string },
): Promise<void> {
  const { keys } = shared
  const isGroup = shared.kind === 'group'
  const call = recorder.invoke(
    partOf(shared),
    name,
    isGroup ? { f: 'multi-get', keys } : { f: 'get', key: shared.name },
  )
  try {
    const values = (await client.getMany(keys)).map(toVersioned)
    call.ok(isGroup ? { values } : { found: values[0] ?? null })
  } catch (error) {
    call.fail(error instanceof StoreError ? error.code : 'BUG')
    throw error
  }
}

const write = (input: KvInput, run: Attempt['run']): Attempt => ({ input, isRead: false, run })

const toCompare = (expect: KvExpect) => {
  if ('version' in expect) return { ifVersion: expect.version }
  return expect.value === null ? { ifAbsent: true } : { ifValue: expect.value }
}

function versionOf(outcome: Awaited<ReturnType<Client['put']>>): KvOutput {
  if (!outcome.applied) throw new Error('a write without a condition was not applied')
  return { version: outcome.version }
}

function note(shared: SharedKey, key: string, found: KvVersioned | null): void {
  shared.seen.set(key, found === null ? null : { value: found.value, version: found.version ?? 0 })
}
