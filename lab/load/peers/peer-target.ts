/** A target made of connections to the members of a store: operations go round robin over those that are up. */
import type { Done, Operation, Target } from '../target.ts'
import type { Connection } from './connection.ts'
import type { Waiting, WireOperation } from './speaker.ts'

const OPEN_MS = 15_000
/** With no member up, operations fail after so long, not at once: a closed loop would spin. */
const REFUSAL_MS = 10

/** A target through which a test can look at what is stored. */
export interface PeerTarget extends Target {
  /** @throws what went wrong, as `done` would tell it. @returns null where the key is absent. */
  get(key: string): Promise<Uint8Array | null>
}

/** Which connection takes the next operation, or undefined where none can. */
export type Chooser = (operation: WireOperation) => Connection | undefined

export interface PeerTargetParts {
  readonly connections: readonly Connection[]
  readonly choose: Chooser
}

/** @throws where a connection is not ready in time; all are closed then. */
export async function openPeerTarget(parts: PeerTargetParts): Promise<PeerTarget> {
  try {
    await Promise.all(parts.connections.map((connection) => connection.ready(OPEN_MS)))
  } catch (error) {
    for (const connection of parts.connections) connection.close()
    throw error
  }
  return new ConnectedTarget(parts)
}

/** In turn, those that are up. */
export function roundRobin(connections: readonly Connection[]): Chooser {
  let next = 0
  return () => {
    for (let tried = 0; tried < connections.length; tried++) {
      const connection = connections[next]
      next = next + 1 === connections.length ? 0 : next + 1
      if (connection?.open) return connection
    }
    return undefined
  }
}

class ConnectedTarget implements PeerTarget {
  readonly #connections: readonly Connection[]
  readonly #choose: Chooser
  #dirty: Connection[] = []
  #flushScheduled = false
  #refused: { readonly done: Done; readonly error: string }[] = []
  #refusal: NodeJS.Timeout | null = null

  constructor(parts: PeerTargetParts) {
    this.#connections = parts.connections
    this.#choose = parts.choose
  }

  submit(operation: Operation, done: Done): void {
    if (operation.type !== 'read-modify-write') return this.#submit(operation, done, null)
    const { key, value } = operation
    const afterRead = (error: string | null) => {
      if (error !== null) return done(error)
      this.#submit({ type: 'update', key, value }, done, null)
      // The caller does not know that something was submitted in this turn.
      this.#flushSoon()
    }
    this.#submit({ type: 'read', key }, afterRead, null)
  }

  get(key: string): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      let found: Uint8Array | null = null
      this.#submit(
        { type: 'read', key },
        (error) => (error === null ? resolve(found) : reject(new Error(error))),
        (value) => {
          found = value === null ? null : Uint8Array.from(value)
        },
      )
      this.flush()
    })
  }

  flush(): void {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const connection of dirty) connection.flush()
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close()
    this.#refuseNow()
  }

  #submit(operation: WireOperation, done: Done, onValue: Waiting['onValue']): void {
    const connection = this.#choose(operation)
    if (connection === undefined) return this.#refuse(done)
    connection.submit({ operation, done, onValue, beganTick: 0 })
    if (connection.dirty) return
    connection.dirty = true
    this.#dirty.push(connection)
  }

  #refuse(done: Done): void {
    const reasons = this.#connections.map(({ endpoint, lastError }) => `${endpoint}: ${lastError}`)
    this.#refused.push({ done, error: `no member is connected (${reasons.join('; ')})` })
    this.#refusal ??= setTimeout(() => this.#refuseNow(), REFUSAL_MS)
  }

  #refuseNow(): void {
    if (this.#refusal !== null) clearTimeout(this.#refusal)
    this.#refusal = null
    const refused = this.#refused
    this.#refused = []
    for (const { done, error } of refused) done(error)
  }

  #flushSoon(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(() => {
      this.#flushScheduled = false
      this.flush()
    })
  }
}
