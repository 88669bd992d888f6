import type {
  ChangesCommand,
  ChangesResult,
  ReadCommand,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../protocol/commands.ts'
import { StoreError } from '../protocol/errors.ts'
import { asMillis, type ChainId, type Key, type ServerId } from '../protocol/ids.ts'
import { KEYS_PER_COMMAND_MAX } from '../protocol/limits.ts'
import { slotOf } from '../protocol/slots.ts'
import {
  type Bytes,
  badArgument,
  type ExpiryOptions,
  PAGE_SIZE_MAX,
  toAmount,
  toCondition,
  toConsistency,
  toExpiry,
  toFromSeq,
  toKey,
  toPolicy,
  toPrefix,
  toTimeout,
  toValue,
  toVersion,
} from './arguments.ts'
import type { OperationResult, Place, ReadPolicy } from './core/events.ts'
import type { Engine } from './engine.ts'
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  PutOptions,
  ScanOptions,
  ServerStatus,
  Transaction,
  TransactionOutcome,
  WatchOptions,
  WriteOutcome,
} from './options.ts'
import {
  numberOf,
  outcomeOf,
  readsOf,
  refusalOf,
  statusOf,
  transactionOutcomeOf,
  valuesOf,
  versionOf,
} from './results.ts'
import { mergeScans } from './scan.ts'
import type { ScanItem, StoredValue } from './stored-value.ts'
import { bytesOfCommand, keyOf, toTransaction } from './transaction.ts'
import { Watch } from './watch.ts'

const NO_OPTIONS = {}
const PAGE_SIZE = 256
/** Before a chain that could not be asked is asked again. */
const WATCH_PAUSE_MS = 100

/**
 * A connection to a store. Operations may be issued without waiting for earlier ones: those of one turn of the event loop share a message.
 *
 * Keys have 1 to 4096 bytes, values up to 8 MiB; a string stands for its UTF-8 bytes. A value passed in must not be changed until its
 * operation has ended.
 *
 * Every operation may fail with a `StoreError`. Match on its `code`; its `outcome` tells whether a write can have happened
 * (`indefinite`) or not (`definite`). By default a write is tried until its time is over, and happens at most once all the same.
 * - `BAD_ARGUMENT`, `TOO_LARGE`: refused before anything was sent; the message names the limit.
 * - `OVERLOADED`: too much waits for an answer: of this client (10,000 operations, 48 MiB), or at the server for the whole time of the
 *   operation. Definite: slow down, and try again.
 * - `TIMEOUT`, `CONNECTION_LOST`: no answer. A write may have happened, unless the outcome is definite.
 * - `CLOSED`: `close` was called.
 */
export class Client {
  readonly #engine: Engine
  readonly #timeoutMs: number
  readonly #policy: ReadPolicy
  readonly #wallMs: () => number

  /** Use `connect`. */
  constructor(options: { engine: Engine; timeoutMs: number; readPolicy: ReadPolicy; wallMs: () => number }) {
    this.#engine = options.engine
    this.#timeoutMs = options.timeoutMs
    this.#policy = options.readPolicy
    this.#wallMs = options.wallMs
  }

  /**
   * Reads one key from any replica of its chain (CRAQ §2.3).
   *
   * With `consistency: 'strong'`, the default, the read is linearizable: it sees every write acknowledged before the call began.
   * `'eventual'` returns the newest version that the replica knows, committed or not; `{ maxAgeMs }` and `{ maxVersions }` bound how far
   * it may be from the committed one. Whatever the consistency, a client sees its own writes, and never goes back in time in one chain.
   *
   * @param options.timeoutMs - gives up after this long. Default: what `connect` was told.
   * @returns the value, or null where the key is absent, deleted or expired.
   * @throws {StoreError} `TIMEOUT`: no replica answered. Safe to repeat: a read has no effect.
   *
   * @example
   * const user = await client.get('user:42')
   * if (user !== null) await client.put('user:42', next(user.text()), { ifVersion: user.version })
   */
  get(key: Bytes, options: GetOptions = NO_OPTIONS): Promise<StoredValue | null> {
    return new Promise((resolve, reject) => {
      const bytes = toKey(key)
      const done = (result: OperationResult) => resolve(valuesOf(result)[0] ?? null)
      this.#read([bytes], options, done, reject)
    })
  }

  /**
   * Reads up to 1024 keys.
   *
   * Keys of one chain are read as one snapshot; keys of different chains are not: between them a write may show in one and not yet in
   * the other. Keys that share a `{tag}` share a chain.
   *
   * @returns values in the order of `keys`, null where a key is absent.
   * @throws {StoreError} where any of its chains could not be read.
   *
   * @example
   * const [name, mail] = await client.getMany(['{user:42}.name', '{user:42}.mail'])
   */
  getMany(keys: readonly Bytes[], options: GetOptions = NO_OPTIONS): Promise<(StoredValue | null)[]> {
    return new Promise((resolve, reject) => {
      if (keys.length > KEYS_PER_COMMAND_MAX)
        throw badArgument(`getMany: ${keys.length} keys; the limit is ${KEYS_PER_COMMAND_MAX}`)
      const groups = this.#groupByChain(keys.map(toKey))
      const values: (StoredValue | null)[] = new Array(keys.length).fill(null)
      let missing = groups.length
      if (missing === 0) return resolve(values)
      for (const group of groups) {
        const done = (result: OperationResult) => {
          const read = valuesOf(result)
          group.forEach(({ index }, i) => {
            values[index] = read[i] ?? null
          })
          if (--missing === 0) resolve(values)
        }
        this.#read(
          group.map((item) => item.key),
          options,
          done,
          reject,
        )
      }
    })
  }

  /**
   * Stores a value, if a condition holds.
   *
   * Conditions are checked at the head of the chain, against the newest version. Acknowledged means: on the disks of all replicas of the chain
   * (in a cluster with durability `sync`), and seen by every strong read from then on.
   *
   * @param options.ifAbsent - only where there is no value. `ifPresent`: only where there is one. `ifVersion`: only over this version.
   * @param options.expiresInMs - deletes the key after this long. `expiresAt`: at this moment. `keepExpiry`: when it would have expired
   * before. None of these: never.
   * @returns the new version; or, where the condition did not hold, the value that it met.
   *
   * @example
   * const outcome = await client.put('lock', 'me', { ifAbsent: true, expiresInMs: 30_000 })
   * if (!outcome.applied) console.log(`held by ${outcome.current?.text()}`)
   */
  put(key: Bytes, value: Bytes, options: PutOptions = NO_OPTIONS): Promise<WriteOutcome> {
    return this.#conditional(options, () => ({
      type: 'put',
      key: toKey(key),
      value: toValue(value),
      expiry: toExpiry(options, this.#wallMs),
      condition: toCondition(options),
    }))
  }

  /**
   * Deletes a key, if it has a certain version. To delete what is absent is no error.
   *
   * @example
   * await client.delete('user:42')
   */
  delete(key: Bytes, options: DeleteOptions = NO_OPTIONS): Promise<WriteOutcome> {
    return this.#conditional(options, () => ({
      type: 'delete',
      key: toKey(key),
      condition: toCondition(options),
    }))
  }

  /**
   * Replaces what is expected by what is next, or does nothing.
   *
   * @param expected - a number: this version. A string or bytes: this value. Null: no value.
   * @param next - the new value; null deletes.
   *
   * @example
   * const { applied } = await client.compareAndSet('leader', null, 'n1')
   */
  compareAndSet(
    key: Bytes,
    expected: number | Bytes | null,
    next: Bytes | null,
    options: CallOptions & ExpiryOptions = NO_OPTIONS,
  ): Promise<WriteOutcome> {
    return this.#conditional(options, () => {
      const condition =
        expected === null
          ? ({ type: 'absent' } as const)
          : typeof expected === 'number'
            ? ({ type: 'version', version: toVersion(expected) } as const)
            : ({ type: 'value', value: toValue(expected) } as const)
      if (next === null) return { type: 'delete', key: toKey(key), condition }
      const expiry = toExpiry(options, this.#wallMs)
      return { type: 'put', key: toKey(key), value: toValue(next), expiry, condition }
    })
  }

  /**
   * Adds bytes to the end of a value; an absent key counts as empty. Keeps the expiry.
   *
   * @returns the new version.
   * @throws {StoreError} `TOO_LARGE`: the value would exceed 8 MiB; nothing changed.
   *
   * @example
   * await client.append('log', 'a line\n')
   */
  append(key: Bytes, value: Bytes, options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#written(
      options,
      () => ({ type: 'append', key: toKey(key), value: toValue(value) }),
      versionOf,
    )
  }

  /** Adds bytes to the beginning of a value. Otherwise as `append`. */
  prepend(key: Bytes, value: Bytes, options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#written(
      options,
      () => ({ type: 'prepend', key: toKey(key), value: toValue(value) }),
      versionOf,
    )
  }

  /**
   * Adds to a whole number that is stored as decimal text; an absent key counts as 0. Keeps the expiry.
   *
   * Retries included, it adds once.
   *
   * @returns the sum.
   * @throws {StoreError} `NOT_A_NUMBER`: the value is none, or the sum would leave ±(2^53 - 1); nothing changed.
   *
   * @example
   * const visits = await client.increment('visits')
   */
  increment(key: Bytes, by = 1, options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#written(options, () => ({ type: 'increment', key: toKey(key), by: toAmount(by) }), numberOf)
  }

  /** Subtracts. Otherwise as `increment`. */
  decrement(key: Bytes, by = 1, options: CallOptions = NO_OPTIONS): Promise<number> {
    return this.#written(options, () => ({ type: 'increment', key: toKey(key), by: -toAmount(by) }), numberOf)
  }

  /**
   * Stores a value (null deletes) and returns the one that was there, in one step.
   *
   * @example
   * const taken = await client.getAndSet('inbox', null)
   */
  getAndSet(
    key: Bytes,
    value: Bytes | null,
    options: CallOptions & ExpiryOptions = NO_OPTIONS,
  ): Promise<StoredValue | null> {
    const command = (): WriteCommand => ({
      type: 'get-and-set',
      key: toKey(key),
      value: value === null ? null : toValue(value),
      expiry: toExpiry(options, this.#wallMs),
    })
    return this.#written(options, command, (result) => readsOf(result)[0] ?? null)
  }

  /**
   * Sets when a key is deleted by itself; null: never.
   *
   * @returns false where the key is absent.
   *
   * @example
   * await client.expire('session:7', { inMs: 60_000 })
   */
  expire(
    key: Bytes,
    when: { readonly inMs: number } | { readonly at: Date | number } | null,
    options: CallOptions = NO_OPTIONS,
  ): Promise<boolean> {
    const command = (): WriteCommand => {
      if (when === null) return { type: 'expire', key: toKey(key), atWallMs: asMillis(0) }
      const expiry = toExpiry(
        'inMs' in when ? { expiresInMs: when.inMs } : { expiresAt: when.at },
        this.#wallMs,
      )
      return {
        type: 'expire',
        key: toKey(key),
        atWallMs: expiry.type === 'set' ? expiry.atWallMs : asMillis(0),
      }
    }
    return this.#written(options, command, (result) => result.type === 'written')
  }

  /**
   * Compares, reads and writes several keys of one chain in one step (a Sinfonia mini-transaction; CRAQ §4.1).
   *
   * The reads are made before the writes, and also where a compare does not hold; the writes only where all hold. All keys must
   * be of one chain: give them a common `{tag}`.
   *
   * @throws {StoreError} `CROSS_CHAIN`: they are not; nothing was sent.
   *
   * @example
   * const { applied } = await client.transaction({
   *   compare: [{ key: '{acct}.a', ifValue: '100' }],
   *   write: [{ key: '{acct}.a', value: '90' }, { key: '{acct}.b', value: '10' }],
   * })
   */
  transaction(transaction: Transaction, options: CallOptions = NO_OPTIONS): Promise<TransactionOutcome> {
    const command = () => {
      const { command: built, keys } = toTransaction(transaction, this.#wallMs)
      this.#checkOneChain(keys)
      return built
    }
    return this.#written(options, command, (result) =>
      transactionOutcomeOf(result, (transaction.write?.length ?? 0) > 0),
    )
  }

  /**
   * Goes through the keys that begin with a prefix, of all chains, in the order of their bytes. Reads page by page, as items are taken.
   *
   * Each page of a chain is a snapshot; the whole is not: a key that is written meanwhile may show its old or its new value.
   *
   * @example
   * for await (const { key, value } of client.scan({ prefix: 'user:' })) console.log(key, value.length)
   */
  async *scan(options: ScanOptions = NO_OPTIONS): AsyncGenerator<ScanItem, void, void> {
    const { prefix = '', pageSize = PAGE_SIZE } = options
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > PAGE_SIZE_MAX) {
      throw badArgument(`pageSize ${pageSize}: use a whole number from 1 to ${PAGE_SIZE_MAX}`)
    }
    const from = toPrefix(prefix)
    yield* mergeScans(this.#engine.chains, (chain, after) => {
      return new Promise((resolve, reject) => {
        const command = { type: 'scan', prefix: from, after, limit: pageSize } as const
        const done = (result: OperationResult) => resolve(result as ReadResult)
        this.#submitRead({ type: 'chain', chain }, command, options, done, reject)
      })
    })
  }

  /**
   * Shows every change of the keys that begin with a prefix, as it is committed: puts, deletes, expiries; those of one chain in the order in which they happened.
   *
   * Each is shown at least once, whatever becomes of the replica that is asked, and goes on where it was after a reconfiguration. To go on in
   * another process, keep `watch.positions` and pass it as `fromSeq`; drop what you know by `chain` and `seq`. Chains keep changes for a while
   * (64 MiB of them): a watcher that is slower than that ends with `POSITION_LOST`.
   *
   * @throws {StoreError} where it is iterated: `POSITION_LOST`: no replica keeps the changes since that position. Forget what you know and begin
   * again with `snapshot: true`. `CLOSED`: `close` was called. Servers that cannot be reached are waited for.
   *
   * @example
   * for await (const { key, seq, deleted, value } of client.watch('user:', { snapshot: true })) console.log(seq, key, deleted)
   */
  watch(prefix: Bytes = '', options: WatchOptions = NO_OPTIONS): Watch {
    const { fromSeq, snapshot = false, readPolicy } = options
    if (snapshot && fromSeq !== undefined) throw badArgument('watch: use either fromSeq or snapshot')
    const from = toPrefix(prefix)
    const how = readPolicy === undefined ? NO_OPTIONS : { readPolicy }
    const submit = <Result>(chain: ChainId, command: ReadCommand | ChangesCommand): Promise<Result> =>
      new Promise((resolve, reject) => {
        const done = (result: OperationResult) => resolve(result as Result)
        this.#submitRead({ type: 'chain', chain }, command, how, done, reject)
      })
    const starts = this.#engine.chains.map((chain) => ({
      chain,
      fromSeq: toFromSeq(fromSeq, chain),
      snapshot,
    }))
    return new Watch(starts, {
      prefix: from,
      askChanges: (chain, command) => submit<ChangesResult>(chain, command),
      readPage: (chain, after) => submit(chain, { type: 'scan', prefix: from, after, limit: PAGE_SIZE }),
      pause: () => new Promise((resolve) => setTimeout(resolve, WATCH_PAUSE_MS)),
    })
  }

  /**
   * Asks every server for its own status: its chains, roles and counters.
   *
   * @returns one element per server, also for those that did not answer.
   *
   * @example
   * for (const { server, status, error } of await client.status()) console.log(server, error?.message ?? status)
   */
  status(options: CallOptions = NO_OPTIONS): Promise<ServerStatus[]> {
    const ask = (server: ServerId) =>
      new Promise<ServerStatus>((resolve) => {
        const timeoutMs = this.#timeoutOf(options)
        const waiter = {
          done: (result: OperationResult) => resolve(statusOf(server, result)),
          failed: (error: StoreError) => resolve({ server, status: null, error }),
        }
        this.#engine.submit({ type: 'status', id: this.#engine.newId(), server, timeoutMs, bytes: 0 }, waiter)
      })
    return Promise.all(this.#engine.servers.map(ask))
  }

  /**
   * Closes all connections. What is outstanding fails with `CLOSED`; a write of those may have happened, if its outcome is indefinite.
   */
  close(): Promise<void> {
    return this.#engine.close()
  }

  #timeoutOf(options: CallOptions): number {
    return options.timeoutMs === undefined ? this.#timeoutMs : toTimeout(options.timeoutMs)
  }

  #read(
    keys: readonly Key[],
    options: GetOptions,
    done: (result: OperationResult) => void,
    failed: (error: Error) => void,
  ): void {
    const [first] = keys
    if (first === undefined) throw badArgument('get: no keys')
    this.#submitRead({ type: 'slot', slot: slotOf(first) }, { type: 'get', keys }, options, done, failed)
  }

  #submitRead(
    place: Place,
    command: ReadCommand | ChangesCommand,
    options: GetOptions,
    done: (result: OperationResult) => void,
    failed: (error: Error) => void,
  ): void {
    this.#engine.submit(
      {
        type: 'read',
        id: this.#engine.newId(),
        place,
        command,
        consistency: toConsistency(options.consistency),
        policy: options.readPolicy === undefined ? this.#policy : toPolicy(options.readPolicy),
        timeoutMs: this.#timeoutOf(options),
        bytes: bytesOfCommand(command),
      },
      { done, failed },
    )
  }

  #conditional(options: CallOptions, command: () => WriteCommand): Promise<WriteOutcome> {
    return this.#written(options, command, outcomeOf)
  }

  /** Submits a write; `command` may throw, which rejects, as every failure does. */
  #written<Outcome>(
    options: CallOptions,
    command: () => WriteCommand,
    outcome: (result: WriteResult) => Outcome,
  ): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const built = command()
      const done = (result: OperationResult) => {
        const refusal = refusalOf(result)
        if (refusal === null) resolve(outcome(result as WriteResult))
        else reject(refusal)
      }
      this.#engine.submit(
        {
          type: 'write',
          id: this.#engine.newId(),
          place: { type: 'slot', slot: slotOf(keyOf(built)) },
          command: built,
          timeoutMs: this.#timeoutOf(options),
          bytes: bytesOfCommand(built),
        },
        { done, failed: reject },
      )
    })
  }

  #groupByChain(keys: readonly Key[]): { readonly key: Key; readonly index: number }[][] {
    const groups = new Map<string | null, { readonly key: Key; readonly index: number }[]>()
    keys.forEach((key, index) => {
      const chain = this.#engine.chainOf(key)
      const group = groups.get(chain)
      if (group === undefined) groups.set(chain, [{ key, index }])
      else group.push({ key, index })
    })
    return [...groups.values()]
  }

  #checkOneChain(keys: readonly Key[]): void {
    const [first] = keys
    if (first === undefined) throw badArgument('transaction: no keys')
    const other = keys.find((key) => this.#engine.chainOf(key) !== this.#engine.chainOf(first))
    if (other === undefined) return
    const names = `${JSON.stringify(first)} and ${JSON.stringify(other)}`
    throw new StoreError(
      'CROSS_CHAIN',
      `transaction: ${names} are of different chains; give all keys one {tag}`,
    )
  }
}
