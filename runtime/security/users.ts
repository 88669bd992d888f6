/** The users of the cluster, as the coordinators have them. While these are away, as they had them last: nobody loses access by it, and nobody gains any. */
import type { CoordinatorClient, Stop } from '../../client/coordinator/api.ts'
import type { Grant, Principal } from '../../protocol/access.ts'
import type { ScramRecord, UserDirectory } from '../../protocol/scram.ts'
import type { Log } from '../log.ts'
import { problemOfName, type UserZnode, userFromJson } from './user-znode.ts'

const PATH = '/catenary/users'
/** Each has a watch of its own. */
const USERS_MAX = 10_000

/**
 * A user who has proved who he is, for as long as that proof is good: what he may do changes with his znode, in the hands of whoever holds this, at once. When he is
 * removed, or his password changes, it is over: he may do nothing any more.
 */
class User implements Principal {
  readonly name: string
  readonly member = false
  readonly record: ScramRecord
  grants: readonly Grant[]

  constructor(name: string, { grants, record }: UserZnode) {
    this.name = name
    this.grants = grants
    this.record = record
  }

  hasPasswordOf({ record }: UserZnode): boolean {
    return (
      Buffer.compare(record.storedKey, this.record.storedKey) === 0 &&
      Buffer.compare(record.salt, this.record.salt) === 0 &&
      record.iterations === this.record.iterations
    )
  }
}

/** What becomes of somebody who is logged in. `gone`: he has to log in anew, if he can. */
export type UserChange = 'grants' | 'gone'

export class Users implements UserDirectory {
  readonly #log: Log
  readonly #users = new Map<string, User>()
  readonly #watched = new Map<string, Stop>()
  /** Whose znodes have yet to be read. */
  readonly #awaited = new Set<string>()
  #hasNames = false
  readonly #listeners = new Set<(principal: Principal, change: UserChange) => void>()
  #stop: Stop = () => {}

  constructor(log: Log) {
    this.#log = log
  }

  /** @returns what a proof of his password is checked by, and who he is then. */
  find(name: string): (ScramRecord & { readonly principal: Principal }) | null {
    const user = this.#users.get(name)
    return user === undefined ? null : { ...user.record, principal: user }
  }

  /** Whether everybody is known whom the coordinators knew when they were asked. */
  isComplete(): boolean {
    return this.#hasNames && this.#awaited.size === 0
  }

  /** All of them, by name. */
  list(): readonly Principal[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Calls back after a user's grants have changed, and after he has lost his access. */
  onChange(listener: (principal: Principal, change: UserChange) => void): Stop {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Learns from this session from now on, instead of from the one before. What was known stays until it is told otherwise. */
  follow(client: CoordinatorClient): void {
    this.#stop()
    for (const stop of this.#watched.values()) stop()
    this.#watched.clear()
    this.#awaited.clear()
    this.#hasNames = false
    this.#stop = client.watchChildren(PATH, (names) => this.#onNames(client, names ?? []))
  }

  #onNames(client: CoordinatorClient, names: readonly string[]): void {
    if (names.length > USERS_MAX)
      this.#log.error({ users: names.length }, `more than ${USERS_MAX} users: the last ones cannot log in`)
    const known = new Set(names.slice(0, USERS_MAX))
    this.#hasNames = true
    for (const [name, stop] of this.#watched) {
      if (known.has(name)) continue
      stop()
      this.#watched.delete(name)
      this.#awaited.delete(name)
    }
    for (const name of this.#users.keys()) if (!known.has(name)) this.#forget(name)
    for (const name of known) {
      if (this.#watched.has(name)) continue
      this.#awaited.add(name)
      const stop = client.watchData(`${PATH}/${name}`, (znode) => {
        this.#awaited.delete(name)
        if (znode === null) this.#forget(name)
        else this.learn(name, new TextDecoder().decode(znode.data))
      })
      this.#watched.set(name, stop)
    }
  }

  /** What the znode of a user says now. One that says nothing is nobody's: it may be meant to keep somebody out. */
  learn(name: string, json: string): void {
    const znode = problemOfName(name) === null ? userFromJson(json) : null
    if (znode === null) {
      this.#log.error(
        { znode: `${PATH}/${name}` },
        `${PATH}/${name} holds no user: nobody logs in by it; \`catenary user remove\` it, and add it again`,
      )
      return this.#forget(name)
    }
    const user = this.#users.get(name)
    if (user?.hasPasswordOf(znode) === true) {
      user.grants = znode.grants
      return this.#tell(user, 'grants')
    }
    this.#forget(name)
    this.#users.set(name, new User(name, znode))
  }

  #forget(name: string): void {
    const user = this.#users.get(name)
    if (user === undefined) return
    this.#users.delete(name)
    user.grants = []
    this.#tell(user, 'gone')
  }

  #tell(user: User, change: UserChange): void {
    for (const listener of [...this.#listeners]) listener(user, change)
  }
}
