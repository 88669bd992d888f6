import type { ReadResult } from '../../../protocol/commands.ts'
import { asSeq } from '../../../protocol/ids.ts'
import { Rng } from '../../simulator/kernel/rng.ts'
import { Scheduler } from '../../simulator/kernel/scheduler.ts'
import type { Outcome } from '../cluster/cluster.ts'
import type { Costs } from '../cluster/costs.ts'
import { Machine } from '../cluster/machine.ts'
import type { Service } from './mix.ts'

const ANSWER: ReadResult = { type: 'values', values: [], committed: true, at: asSeq(0) }

/**
 * Primary/backup as Chain Replication compares itself with it: the primary orders updates, sends each to all backups at once, and answers when every
 * one has acknowledged it. A query waits at the primary until the updates before it are acknowledged, or it could show what a failure takes back. A
 * model of its own: only the order of events and their prices count here, so there is no data in it.
 */
export class PrimaryBackup implements Service {
  readonly scheduler = new Scheduler()
  readonly rng: Rng
  readonly #costs: Costs
  readonly #primary: Machine
  readonly #backups: readonly Machine[]
  readonly #weak: boolean
  /** Updates that the primary has executed, and those that all backups have acknowledged. */
  #executed = 0
  #acknowledged = 0
  readonly #missing: number[] = []
  /** Answers that wait for an update to be acknowledged, in its order. */
  readonly #waiting: { readonly update: number; readonly answer: () => void }[] = []

  /** `weak`: queries go to any replica, and wait for nothing. */
  constructor(options: {
    readonly seed: number
    readonly costs: Costs
    readonly replicas: number
    readonly weak?: boolean
  }) {
    this.rng = new Rng(options.seed)
    this.#costs = options.costs
    this.#weak = options.weak ?? false
    const { bytesPerUs, eventsPerTurn: jobsPerTurn } = options.costs
    const machine = () => new Machine(this.scheduler, { bytesPerUs, jobsPerTurn })
    this.#primary = machine()
    this.#backups = Array.from({ length: options.replicas - 1 }, machine)
  }

  query(done: (outcome: Outcome) => void): void {
    const answer = this.#answerTo(done)
    const machine = this.#weak ? this.rng.pick([this.#primary, ...this.#backups]) : this.#primary
    this.#message(() =>
      machine.work(this.#costs.readUs, () =>
        this.#weak ? answer() : this.#whenStable(this.#executed, answer),
      ),
    )
  }

  update(done: (outcome: Outcome) => void): void {
    const answer = this.#answerTo(done)
    this.#message(() =>
      this.#primary.work(this.#costs.writeUs, () => {
        const update = ++this.#executed
        this.#missing[update] = this.#backups.length
        this.#whenStable(update, answer)
        for (const backup of this.#backups)
          this.#message(() =>
            backup.work(this.#costs.appendUs, () => this.#message(() => this.#onAcknowledged(update))),
          )
        this.#advance()
      }),
    )
  }

  run(us: number): void {
    const untilUs = this.scheduler.nowUs + us
    let reached = false
    this.scheduler.at(untilUs, () => {
      reached = true
    })
    while (!reached && this.scheduler.step(untilUs));
  }

  #onAcknowledged(update: number): void {
    this.#missing[update] = (this.#missing[update] ?? 0) - 1
    this.#advance()
  }

  #advance(): void {
    while (this.#acknowledged < this.#executed && this.#missing[this.#acknowledged + 1] === 0)
      this.#acknowledged++
    while (this.#waiting[0] !== undefined && this.#waiting[0].update <= this.#acknowledged)
      this.#waiting.shift()?.answer()
  }

  #whenStable(update: number, answer: () => void): void {
    if (update <= this.#acknowledged) answer()
    else this.#waiting.push({ update, answer })
  }

  #answerTo(done: (outcome: Outcome) => void): () => void {
    const beganUs = this.scheduler.nowUs
    return () =>
      this.#message(() => {
        const atUs = this.scheduler.nowUs
        done({ result: ANSWER, asked: false, atUs, tookUs: atUs - beganUs })
      })
  }

  #message(arrive: () => void): void {
    this.scheduler.after(this.#costs.latencyUs, arrive)
  }
}
