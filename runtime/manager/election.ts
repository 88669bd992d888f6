import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'

/** The number that a sequential znode ends in. */
const sequenceOf = (name: string) => Number(name.slice(-10))

/**
 * ZooKeeper's election: the candidate with the lowest number leads, each other one watches only the candidate before it, so that the
 * end of one wakes one. Holds for one session.
 */
export class Election {
  readonly #client: CoordinatorClient
  readonly #path: string
  readonly #name: string
  readonly #onChange: () => void
  #own: string | null = null
  /** The reply to a create was lost: it may have happened. */
  #doubtful = false
  #dirty = true
  #leads = false

  constructor(options: {
    readonly client: CoordinatorClient
    /** Parent of the candidates; it exists. */
    readonly path: string
    /** What the candidate's znode says. */
    readonly name: string
    /** Something has changed: ask `leads` again. */
    readonly onChange: () => void
  }) {
    this.#client = options.client
    this.#path = options.path
    this.#name = options.name
    this.#onChange = options.onChange
  }

  /** Whether this candidate leads. Stands for election where it does not yet. */
  async leads(): Promise<boolean> {
    while (this.#dirty) {
      this.#dirty = false
      try {
        this.#leads = await this.#look()
      } catch (error) {
        this.#dirty = true
        throw error
      }
    }
    return this.#leads
  }

  async #look(): Promise<boolean> {
    if (this.#doubtful) await this.#findOwn()
    let candidates = await this.#candidates()
    if (this.#own === null || !candidates.includes(this.#own)) {
      await this.#stand()
      candidates = await this.#candidates()
    }
    const place = this.#own === null ? -1 : candidates.indexOf(this.#own)
    const watch = () => {
      this.#dirty = true
      this.#onChange()
    }
    // Somebody may delete this one, too.
    if (place < 0 || (await this.#client.exists(`${this.#path}/${this.#own}`, { watch })) === null) {
      this.#dirty = true
      return false
    }
    const before = candidates[place - 1]
    if (before === undefined) return true
    // Gone since the list was made: look again.
    if ((await this.#client.exists(`${this.#path}/${before}`, { watch })) === null) this.#dirty = true
    return false
  }

  async #candidates(): Promise<readonly string[]> {
    const names = await this.#client.getChildren(this.#path)
    return [...names].sort((a, b) => sequenceOf(a) - sequenceOf(b))
  }

  async #stand(): Promise<void> {
    this.#doubtful = true
    const path = await this.#client.create(`${this.#path}/candidate-`, this.#name, {
      ephemeral: true,
      sequential: true,
    })
    this.#own = path.slice(this.#path.length + 1)
    this.#doubtful = false
  }

  /** A forgotten own candidate would lead for ever, or block the next one. */
  async #findOwn(): Promise<void> {
    const { sessionId } = this.#client.session
    for (const name of await this.#candidates()) {
      try {
        const { stat } = await this.#client.getData(`${this.#path}/${name}`)
        if (stat.ephemeralOwner !== sessionId) continue
        this.#own = name
        break
      } catch (error) {
        if (!isCoordinatorError(error, 'NO_NODE')) throw error
      }
    }
    this.#doubtful = false
  }
}
