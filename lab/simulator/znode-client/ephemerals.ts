import type { ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import { Violation } from '../observer/violation.ts'
import type { ZnodeSession } from './znode-session.ts'

const ROOT = '/ephemerals'

/**
 * Ephemerals as clients see them (EphemeralOwner): once a client has been told that its session is over, whoever asks after that finds none of its znodes; and while it
 * is not over, they are there. Shared by all clients of a run.
 */
export class Ephemerals {
  /** Sessions whose clients know that they are over. */
  readonly #ended = new Set<bigint>()
  #count = 0

  ended(session: bigint): void {
    this.#ended.add(session)
  }

  /** Creates one, and looks whether the session still sees it. */
  async create(session: ZnodeSession): Promise<void> {
    const path = `${ROOT}/${session.name.replaceAll('/', '-')}-${++this.#count}`
    const { process } = session
    await session.attempt((client) => client.create(ROOT, null))
    const made = await session.attempt((client) => client.create(path, null, { ephemeral: true }))
    if (made.error !== null || session.process !== process) return
    const { id } = session
    const found = await session.attempt((client) => client.exists(path))
    if (found.error !== null || session.process !== process || session.closed) return
    if (found.value?.ephemeralOwner === id) return
    const words = found.value === null ? 'is not there' : `belongs to ${hex(found.value.ephemeralOwner)}`
    throw new Violation(
      'EphemeralOwner',
      session.name,
      `${path} of session ${hex(id)}, which lives, ${words}`,
    )
  }

  /** Looks at all that there are, in a state that is not older than this call. */
  async look(session: ZnodeSession): Promise<void> {
    const over = new Set(this.#ended)
    const [synced, listed] = await Promise.all([
      session.attempt((client) => client.sync('/')),
      session.attempt((client) => client.getChildren(ROOT)),
    ])
    if (synced.error !== null || listed.error !== null) return
    for (const name of listed.value) {
      const found = await session.attempt((client) => client.exists(`${ROOT}/${name}`))
      if (found.error === null && found.value !== null && over.has(found.value.ephemeralOwner))
        throw new Violation(
          'EphemeralOwner',
          session.name,
          `sees ${ROOT}/${name} of session ${hex(found.value.ephemeralOwner)}, whose client was told before that it is over`,
        )
    }
  }
}

/** The owners of all that these clients have created and that is still there. */
export function ephemeralsOf(tree: ZnodeTree): readonly bigint[] {
  return [...tree.nodes]
    .filter(([path]) => path.startsWith(`${ROOT}/`))
    .map(([, node]) => node.ephemeralOwner)
}

const hex = (session: bigint) => session.toString(16)
