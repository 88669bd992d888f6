import {
  type Manager,
  ManagerLoop,
  type ManagerOptions,
  type ManagerStatus,
} from '../../../runtime/manager/manager-loop.ts'
import { simControlPorts } from './control-ports.ts'
import { LifeWorld, type SimPlace } from './session-platform.ts'

export type SimManagerOptions = Omit<ManagerOptions, 'coordinator'> & {
  /** Names of the coordinators' processes. */
  readonly coordinators: readonly string[]
}

/** The real manager in the present life of a simulated process: a coordinator's, as in production, or one of its own. */
export class SimManager {
  readonly #world: LifeWorld
  readonly #manager: Manager

  constructor(place: SimPlace, { coordinators, ...options }: SimManagerOptions) {
    this.#world = new LifeWorld(place)
    this.#manager = new ManagerLoop(
      { ...options, coordinator: coordinators },
      {
        ...simControlPorts(place, this.#world),
        newClusterId: () => `cluster-${place.process.rng.below(2 ** 32).toString(16)}`,
        treeAcl: null,
      },
    )
  }

  status(): ManagerStatus {
    return this.#manager.status()
  }

  /** Gives the office up; the next candidate takes over. */
  stop(): void {
    this.#world.promised()
    this.#manager.stop().catch(this.#world.onBug)
  }
}
