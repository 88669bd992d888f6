import type { CoordinatorClient } from '../../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import type { Rng } from '../kernel/rng.ts'
import { Violation } from '../observer/violation.ts'
import type { ZnodeSession } from './znode-session.ts'

/** Its parent, and the znode whose presence says that the configuration is whole. */
const ROOT = '/config'
const READY = `${ROOT}/ready`
const ZNODES = 3
/** A reader takes its time. */
const BETWEEN_MS = 30
const TEXT = new TextDecoder()

/** How readings ended, over a whole run. */
export interface ReadyCounts {
  /** The watch had not fired when the last value came: the values were used. */
  used: number
  /** It had: the values were thrown away. Of these, so many were not of one generation. */
  warned: number
  torn: number
  /** No configuration was ready, or the connection broke. */
  nothing: number
}

export const noReadings = (): ReadyCounts => ({ used: 0, warned: 0, torn: 0, nothing: 0 })

/**
 * The one writer of a configuration of several znodes (ZooKeeper §2.3): it takes `ready` away, writes them all without waiting, and puts `ready` back. Each writer, life
 * by life, has znodes of its own, which `ready` names: what a writer that crashed had sent may still be carried out, and nothing would order it
 * before what the next one sends.
 */
export class ReadyWriter {
  readonly #session: ZnodeSession
  readonly #directory: string
  #laidOut = false
  #generation = 0

  constructor(session: ZnodeSession) {
    this.#session = session
    this.#directory = `${ROOT}/${session.name}`
  }

  /** The next generation, all requests at once; or in one transaction. */
  async write(rng: Rng): Promise<void> {
    if (!this.#laidOut) await this.#layOut()
    if (!this.#laidOut) return
    const generation = `${++this.#generation}`
    const paths = znodesOf(this.#directory)
    const ready = `${this.#directory} ${generation}`
    if (this.#generation > 1 && rng.chance(0.2)) {
      await this.#session.attempt((client) =>
        client.multi([
          { type: 'delete', path: READY },
          ...paths.map((path) => ({ type: 'setData' as const, path, data: generation })),
          { type: 'create', path: READY, data: ready },
        ]),
      )
      return
    }
    await Promise.all([
      this.#session.attempt((client) => client.delete(READY)),
      ...paths.map((path) => this.#session.attempt((client) => client.setData(path, generation))),
      this.#session.attempt((client) => client.create(READY, ready)),
    ])
  }

  async #layOut(): Promise<void> {
    const paths = [ROOT, this.#directory, ...znodesOf(this.#directory)]
    const made = await Promise.all(
      paths.map((path) => this.#session.attempt((client) => client.create(path, '0'))),
    )
    this.#laidOut = made.every(({ error }) => error === null || isCoordinatorError(error, 'NODE_EXISTS'))
  }
}

const znodesOf = (directory: string) => Array.from({ length: ZNODES }, (_, i) => `${directory}/c${i}`)

/**
 * One reading: look for `ready` with a watch, then read every znode. Where the watch has not fired by the last answer, the values are those of one generation; a client
 * of another order of events and replies would use a torn configuration.
 *
 * @throws Violation `WatchBeforeRead`
 */
export async function readConfiguration(session: ZnodeSession, rng: Rng, counts: ReadyCounts): Promise<void> {
  const { process } = session
  let fired = false
  const watch = () => {
    fired = true
  }
  const ready = await textOf(session, (client) => client.getData(READY, { watch }))
  if (ready === null) {
    // Not there: whoever wants to go on waits for its creation.
    await session.attempt((client) => client.exists(READY, { watch }))
    counts.nothing++
    return
  }
  const [directory = '', generation = ''] = ready.split(' ')
  const paths = znodesOf(directory)
  const values: (string | null)[] = []
  const readOne = (path: string) => textOf(session, (client) => client.getData(path))
  if (rng.chance(0.5)) values.push(...(await Promise.all(paths.map(readOne))))
  else
    for (const path of paths) {
      if (rng.chance(0.5)) await session.pass(rng.scale(1, BETWEEN_MS))
      values.push(await readOne(path))
    }
  if (values.includes(null) || session.process !== process || session.closed) {
    counts.nothing++
    return
  }
  const isTorn = values.some((value) => value !== generation)
  if (fired) {
    counts.warned++
    if (isTorn) counts.torn++
    return
  }
  counts.used++
  if (isTorn)
    throw new Violation(
      'WatchBeforeRead',
      session.name,
      `${READY} names generation ${generation} of ${directory} and is still watched, but there it read ${values.join(', ')}`,
    )
}

async function textOf(
  session: ZnodeSession,
  call: (client: CoordinatorClient) => Promise<{ readonly data: Uint8Array }>,
): Promise<string | null> {
  const told = await session.attempt(call)
  return told.error === null ? TEXT.decode(told.value.data) : null
}
