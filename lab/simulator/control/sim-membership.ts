import type { ReplicaReport } from '../../../protocol/cluster.ts'
import type { ChainId, Incarnation } from '../../../protocol/ids.ts'
import { Membership, type MembershipOptions } from '../../../runtime/server/membership.ts'
import { simControlPorts } from './control-ports.ts'
import { LifeWorld, type SimPlace } from './session-platform.ts'

/** The real membership of a simulated data server, in the present life of its process. */
export class SimMembership {
  readonly #world: LifeWorld
  readonly #membership: Membership

  /** `coordinators`: names of their processes. */
  constructor(place: SimPlace, options: Omit<MembershipOptions, 'ports'>) {
    this.#world = new LifeWorld(place)
    this.#membership = new Membership({ ...options, ports: simControlPorts(place, this.#world) })
  }

  start(incarnation: Incarnation): void {
    this.#world.promised()
    this.#membership.start(incarnation)
  }

  report(chain: ChainId, report: ReplicaReport): void {
    this.#world.promised()
    this.#membership.report(chain, report)
  }

  /** Closes the session, so that nobody has to wait for it to expire. The server must have stopped serving before. */
  stop(): void {
    this.#world.promised()
    this.#membership.stop().catch(this.#world.onBug)
  }

  /** The disk failed, and every chain was left. */
  abandon(): void {
    this.#world.promised()
    this.#membership.abandon().catch(this.#world.onBug)
  }
}
