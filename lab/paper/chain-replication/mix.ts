import type { Rng } from '../../simulator/kernel/rng.ts'
import type { Scheduler } from '../../simulator/kernel/scheduler.ts'
import type { Outcome } from '../cluster/cluster.ts'

/** What Chain Replication's clients ask for: a query reads an object, an update changes one. */
export interface Service {
  query(done: (outcome: Outcome) => void): void
  update(done: (outcome: Outcome) => void): void
}

export interface MixOptions {
  readonly clients: number
  /** 0: queries only. 1: updates only. */
  readonly updateShare: number
  /** No request begins later. */
  readonly untilUs: number
  readonly onDone: (kind: 'query' | 'update', outcome: Outcome) => void
}

const RETRY_US = 5000

/** Clients that ask for one thing after the other without a rest; one that failed is tried again. */
export function closedMix(scheduler: Scheduler, rng: Rng, service: Service, options: MixOptions): void {
  const begin = () => {
    const kind = rng.chance(options.updateShare) ? 'update' : 'query'
    attempt(kind, scheduler.nowUs)
  }
  const attempt = (kind: 'query' | 'update', beganUs: number) => {
    if (scheduler.nowUs >= options.untilUs) return
    service[kind]((outcome) => {
      const failed = outcome.result === null || outcome.result.type === 'failure'
      if (failed) return void scheduler.after(RETRY_US, () => attempt(kind, beganUs))
      options.onDone(kind, { ...outcome, tookUs: outcome.atUs - beganUs })
      begin()
    })
  }
  for (let i = 0; i < options.clients; i++) begin()
}
