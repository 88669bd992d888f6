import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import type { Incarnation } from '../../protocol/ids.ts'
import { asIncarnation } from '../../protocol/ids.ts'
import { writeFileAtomically } from './atomic-file.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'

const FORMAT = 1

export type DataDirectoryKind = 'server' | 'coordinator'

/** Content of `identity.json`. */
interface Identity {
  readonly format: number
  readonly kind: DataDirectoryKind
  readonly id: string
  /** The cluster whose data this is; null until the process has joined one. */
  readonly clusterId: string | null
  /** Random, drawn when the directory is created: tells a wiped directory from the old one. */
  readonly dataId: string
  /** The newest incarnation used; 0 = none. */
  readonly incarnation: number
}

/** A data directory that this process alone uses, and whose identity is the expected one. */
export interface DataDirectory {
  readonly path: string
  readonly dataId: string
  readonly clusterId: string | null
  /**
   * Records the first time which cluster the data belongs to, durably.
   * @throws {Error} if it belongs to another one: serving it there would mix two clusters' data.
   */
  adoptCluster(clusterId: string): void
  /** A number greater than every earlier one of this directory, and at least `Date.now()`. Durable on return. */
  nextIncarnation(): Incarnation
  /** Releases the lock. */
  close(): void
}

/**
 * Opens or creates a data directory and locks it for this process. A lock left by a killed process is taken over.
 *
 * @param options.id - for example `n1`; another server's directory is refused.
 * @throws {Error} if another process uses it, or it is another server's, another kind's, damaged or of another format.
 *
 * @example
 * const data = openDataDirectory({ path: 'data/n1', kind: 'server', id: 'n1' })
 * const incarnation = data.nextIncarnation()
 */
export function openDataDirectory(options: {
  path: string
  kind: DataDirectoryKind
  id: string
}): DataDirectory {
  const { path, kind, id } = options
  const lock = takeDirectory(path)
  try {
    const file = join(path, 'identity.json')
    let identity = readIdentity(file)
    if (identity === null) {
      refuseForeignFiles(path)
      identity = { format: FORMAT, kind, id, clusterId: null, dataId: randomUUID(), incarnation: 0 }
      writeIdentity(file, identity)
    }
    if (identity.kind !== kind || identity.id !== id) {
      throw new Error(
        `data directory ${path} belongs to ${identity.kind} "${identity.id}", not to ${kind} "${id}". ` +
          'Start it with that identity, or use another directory.',
      )
    }
    return new LockedDataDirectory({ path, file, identity, release: () => lock.release() })
  } catch (error) {
    lock.release()
    throw error
  }
}

function takeDirectory(path: string): DirectoryLock {
  try {
    fs.mkdirSync(path, { recursive: true })
    return lockDirectory(path)
  } catch (cause) {
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause
    const message = `data directory "${path}" cannot be used: ${cause.message}. Name a directory that this process may create and write to.`
    throw new Error(message, { cause })
  }
}

class LockedDataDirectory implements DataDirectory {
  readonly path: string
  readonly #file: string
  readonly #release: () => void
  #identity: Identity

  constructor(options: { path: string; file: string; identity: Identity; release: () => void }) {
    this.path = options.path
    this.#file = options.file
    this.#identity = options.identity
    this.#release = options.release
  }

  get dataId(): string {
    return this.#identity.dataId
  }

  get clusterId(): string | null {
    return this.#identity.clusterId
  }

  adoptCluster(clusterId: string): void {
    const known = this.#identity.clusterId
    if (known === clusterId) return
    if (known !== null) {
      throw new Error(
        `data directory ${this.path} holds data of cluster "${known}", but the coordinator serves cluster "${clusterId}". ` +
          'Check the coordinator addresses; to join the other cluster, start with an empty directory.',
      )
    }
    this.#update({ ...this.#identity, clusterId })
  }

  nextIncarnation(): Incarnation {
    // The clock makes it greater than those of a directory that was wiped, too.
    const incarnation = Math.max(Date.now(), this.#identity.incarnation + 1)
    this.#update({ ...this.#identity, incarnation })
    return asIncarnation(incarnation)
  }

  close(): void {
    this.#release()
  }

  #update(identity: Identity): void {
    writeIdentity(this.#file, identity)
    this.#identity = identity
  }
}

function writeIdentity(file: string, identity: Identity): void {
  writeFileAtomically(file, `${JSON.stringify(identity, null, 2)}\n`)
}

function readIdentity(file: string): Identity | null {
  if (!fs.existsSync(file)) return null
  const refuse = (what: string) =>
    new Error(
      `${file} ${what}. If this server's data may be lost, move the directory away and start with an empty one.`,
    )
  let value: unknown
  try {
    value = JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new Error(refuse('cannot be read').message, { cause })
  }
  if (typeof value !== 'object' || value === null) throw refuse('is damaged')
  const { format, kind, id, clusterId, dataId, incarnation } = value as Record<string, unknown>
  if (format !== FORMAT) throw refuse(`has format ${String(format)} and this program reads format ${FORMAT}`)
  if (kind !== 'server' && kind !== 'coordinator') throw refuse('is damaged: kind')
  if (typeof id !== 'string' || typeof dataId !== 'string') throw refuse('is damaged: id')
  if (clusterId !== null && typeof clusterId !== 'string') throw refuse('is damaged: clusterId')
  if (typeof incarnation !== 'number' || !Number.isSafeInteger(incarnation))
    throw refuse('is damaged: incarnation')
  return { format, kind, id, clusterId, dataId, incarnation }
}

/** A directory without an identity must be empty: what else is in it is someone's, or has lost its identity. */
function refuseForeignFiles(path: string): void {
  const found = fs
    .readdirSync(path)
    .filter((name) => !/^(lock(\..*)?|identity\.json\..*\.tmp|lost\+found)$/.test(name))
  if (found.length === 0) return
  throw new Error(
    `data directory ${path} is not empty (${found.slice(0, 3).join(', ')}) and has no identity.json. Use an empty directory.`,
  )
}
