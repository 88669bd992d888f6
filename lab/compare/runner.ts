/**
 * Carries a plan out: one system at a time is started, filled, measured and stopped. What goes wrong with one system is written down, and the others
 * are measured all the same.
 */
import { createHash } from 'node:crypto'
import type { TargetSpec } from '../load/target.ts'
import type { LoadResult, LoadTask, WorkloadSpec } from '../load/task.ts'
import { durationText, HEATING_MS, needsLoading, pointMs, visitMs } from './estimate.ts'
import { type Plan, type PlannedPoint, taskOf, type Visit } from './plan.ts'
import type { Experiment, Point, Run, SystemRecord } from './results.ts'
import type { ResultsStore } from './store-results.ts'
import type { RunningSystem, System, Variant } from './system.ts'

/** What the runner does to the world. */
export interface RunnerTools {
  /** Writes all records of the workload once. */
  load(target: TargetSpec, workload: WorkloadSpec, signal: AbortSignal): Promise<void>
  /** One load process from its beginning to its end. `onSpan`: called when the measured span begins, where that can be told. */
  measure(task: LoadTask, how: { signal: AbortSignal; onSpan: () => void }): Promise<LoadResult>
  /** CPU time of a process so far; null where it is gone. */
  cpuSeconds(pid: number): Promise<number | null>
  isAlive(pid: number): boolean
  /** An empty directory for a visit. */
  makeDirectory(name: string): string
  removeDirectory(path: string): void
  /** Resolves early at the signal. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  nowMs(): number
}

/** Who is told how it goes. */
export interface RunnerProgress {
  /** A new system, or another condition of it. */
  visit(visit: Visit, title: string): void
  /** What runs now. */
  doing(text: string): void
  measured(point: Omit<Point, 'runs'>, run: Run, visit: Visit): void
  /** So much of the plan's time is behind us. */
  spent(ms: number): void
  /** So much of it had been done before this run began. */
  skipped(ms: number): void
  problem(system: string, what: string): void
}

export interface RunnerOptions {
  readonly plan: Plan
  readonly systems: readonly System[]
  readonly store: ResultsStore
  readonly tools: RunnerTools
  readonly progress: RunnerProgress
  readonly signal: AbortSignal
  readonly seed: number
}

/** A rate counts as reached at this share of it. */
const REACHED = 0.97
/** Of a system that still runs but answers with errors: enough tries of one visit. */
const FAILED_POINTS_MAX = 2

export async function runPlan(options: RunnerOptions): Promise<'done' | 'interrupted'> {
  const { plan, systems, store, progress, signal } = options
  const present = await presentSystems(options)
  const failures = new Map<string, number>()
  for (const visit of plan.visits) {
    if (signal.aborted) return 'interrupted'
    if (store.isFinished(visitKey(visit))) {
      progress.skipped(visitMs(visit))
      continue
    }
    const system = systems.find(({ id }) => id === visit.system)
    if (system === undefined || !present.has(visit.system)) continue
    const condition = conditionOf(visit)
    // Where nothing went well twice in one condition, it will not the third time.
    if ((failures.get(condition) ?? 0) >= 2) {
      progress.spent(visitMs(visit))
      continue
    }
    const outcome = await new VisitRun(system, visit, options).run()
    if (outcome === 'whole' && !signal.aborted) store.finish(visitKey(visit))
    if (outcome === 'nothing') failures.set(condition, (failures.get(condition) ?? 0) + 1)
  }
  return signal.aborted ? 'interrupted' : 'done'
}

const conditionOf = ({ system, durability, replicas, chains }: Visit) =>
  JSON.stringify([system, durability, replicas, chains])

/** Tells it from all other visits of the plan: a run that goes on skips what is finished. */
export function visitKey(visit: Visit): string {
  const points = visit.points.map((point) => `${point.experiments[0]} ${labelOf(point)}`)
  const key = [visit.round, conditionOf(visit), ...points].join('|')
  return createHash('sha256').update(key).digest('hex').slice(0, 16)
}

async function presentSystems({ plan, systems, store, progress }: RunnerOptions): Promise<Set<string>> {
  const wanted = new Set(plan.visits.map(({ system }) => system))
  const present = new Set<string>()
  for (const system of systems) {
    if (!wanted.has(system.id)) continue
    const advice = await system.missing()
    if (advice === null) present.add(system.id)
    else {
      store.addProblem(system.title, advice)
      progress.problem(system.title, advice)
    }
  }
  store.save()
  return present
}

/** A record's id and the id of its points: the like-for-like groups of one system are told apart. */
export function recordId(visit: Pick<Visit, 'system' | 'durability'>): string {
  return visit.durability === 'durable' ? visit.system : `${visit.system}@${visit.durability}`
}

class VisitRun {
  readonly #system: System
  readonly #visit: Visit
  readonly #options: RunnerOptions
  readonly #id: string
  #loaded: WorkloadSpec | null = null
  #quotaPercent: number | null = null
  #spentMs = 0
  #measured = 0

  constructor(system: System, visit: Visit, options: RunnerOptions) {
    this.#system = system
    this.#visit = visit
    this.#options = options
    this.#id = recordId(visit)
  }

  /** @returns what was measured of it; problems are written down. Never throws. */
  async run(): Promise<'whole' | 'partly' | 'nothing'> {
    const { tools, progress, store, signal } = this.#options
    const visit = this.#visit
    progress.visit(visit, this.#system.title)
    progress.doing('starting')
    const directory = tools.makeDirectory(`${visit.system}-${visit.round}`)
    let running: RunningSystem | null = null
    try {
      running = await this.#system.start({
        directory,
        durability: visit.durability,
        replicas: visit.replicas,
        chains: visit.chains,
      })
      this.#addRecord(running.record)
      const isWhole = await this.#measureAll(running)
      return isWhole ? 'whole' : this.#measured > 0 ? 'partly' : 'nothing'
    } catch (error) {
      if (!signal.aborted) this.#problem(`${this.#where()}: ${messageOf(error)}`)
      return 'nothing'
    } finally {
      progress.doing('stopping')
      await running?.stop()
      tools.removeDirectory(directory)
      store.save()
      progress.spent(Math.max(0, visitMs(visit) - this.#spentMs))
    }
  }

  #addRecord(record: SystemRecord): void {
    const { durability, replicas, chains } = this.#visit
    const isPlain = replicas === 3 && chains === 1
    if (!isPlain && this.#options.store.results.systems.some(({ id }) => id === this.#id)) return
    this.#options.store.addSystem({ ...record, id: this.#id, group: durability })
  }

  async #measureAll(running: RunningSystem): Promise<boolean> {
    const { signal } = this.#options
    const variants = running.variants
    const processes = await running.processes()
    let failed = 0
    for (const point of this.#visit.points) {
      // Nothing to kill, nothing to tell: Redis without a sentinel stays down by design.
      if (point.fault !== null && running.kill === undefined) continue
      for (const variant of point.variants === 'all' ? variantsFor(point, variants) : variants.slice(0, 1)) {
        if (signal.aborted) return true
        if (this.#isMeasured(point, variant)) continue
        try {
          await this.#limit(running, point, variant)
          await this.#measure(running, point, variant)
        } catch (error) {
          if (signal.aborted) return true
          failed++
          const dead = processes
            .filter(({ pid }) => !this.#options.tools.isAlive(pid))
            .map(({ name }) => name)
          const what = `${this.#where()}, ${point.workload.name}, ${variant.name}: ${messageOf(error)}`
          if (dead.length > 0) {
            this.#problem(`${what}; ${dead.join(' and ')} died; what was measured before is kept`)
            return false
          }
          this.#problem(what)
          if (failed >= FAILED_POINTS_MAX) return false
        }
      }
    }
    return failed === 0
  }

  /** By the run that this one continues. */
  #isMeasured(point: PlannedPoint, variant: Variant): boolean {
    const { store } = this.#options
    return point.experiments.every(
      (experiment) => store.runsOf(this.#identityOf(point, experiment, variant)) >= this.#visit.round,
    )
  }

  #identityOf({ workload, loop, x }: PlannedPoint, experiment: Experiment, variant: Variant) {
    return { system: this.#id, experiment, variant: variant.name, workload, loop, x }
  }

  /** What is compiled while the CPU is scarce would be measured cold: the code becomes hot before. */
  async #limit(running: RunningSystem, point: PlannedPoint, variant: Variant): Promise<void> {
    const { quotaPercent } = point
    if (quotaPercent === null || this.#quotaPercent === quotaPercent) return
    if (running.limit === undefined) throw new Error('its CPU cannot be limited')
    const { progress, tools, signal } = this.#options
    await this.#fill(point, variant)
    progress.doing(`warming up, before ${quotaPercent} % of a core for each`)
    const task = taskOf({ ...point, warmUpMs: 0, measureMs: HEATING_MS }, variant.target, this.#options.seed)
    await tools.measure(task, { signal, onSpan: () => {} })
    running.limit(quotaPercent)
    this.#quotaPercent = quotaPercent
  }

  async #fill(point: PlannedPoint, variant: Variant): Promise<void> {
    if (this.#loaded !== null && !needsLoading(this.#loaded, point.workload)) return
    const { progress, tools, signal } = this.#options
    progress.doing(`loading ${point.workload.recordCount.toLocaleString('en')} records`)
    await tools.load(variant.target, point.workload, signal)
    this.#loaded = point.workload
  }

  async #measure(running: RunningSystem, point: PlannedPoint, variant: Variant): Promise<void> {
    const { progress, signal, store } = this.#options
    await this.#fill(point, variant)
    progress.doing(`${labelOf(point)}${point.variants === 'all' ? `, ${variant.name}` : ''}`)
    const measured = await this.#underLoad(running, point, variant)
    if (signal.aborted) return
    for (const experiment of point.experiments) {
      const record = { ...this.#identityOf(point, experiment, variant), level: variant.level }
      store.addRun(record, measured.run)
      if (experiment === point.experiments[0]) progress.measured(record, measured.run, this.#visit)
      if (point.beside === null || measured.beside === null) continue
      const nothing = { serverCpuSeconds: {}, traffic: null, events: [] }
      store.addRun({ ...record, ...point.beside }, { load: measured.beside, ...nothing })
    }
    this.#measured++
    this.#sayWhereTooSlow(point, variant, measured.run)
    store.save()
    this.#spentMs += pointMs(point)
    progress.spent(pointMs(point))
  }

  async #underLoad(
    running: RunningSystem,
    point: PlannedPoint,
    variant: Variant,
  ): Promise<{ run: Run; beside: LoadResult | null }> {
    const { tools, signal, seed } = this.#options
    const before = await this.#snapshot(running)
    const task = taskOf(point, variant.target, seed + this.#visit.round)
    let spanBegan: Promise<Snapshot> | null = null
    let spanAtMs: number | null = null
    // A fault that was planned must not outlive its point, nor may the load beside it.
    const stopping = new AbortController()
    const both = AbortSignal.any([signal, stopping.signal])
    const faults = point.fault === null ? null : this.#inject(running, point, both)
    const other =
      point.beside === null
        ? null
        : tools.measure(
            { ...task, ...point.beside, seed: task.seed + 1000 },
            { signal: both, onSpan: () => {} },
          )
    other?.catch(() => {})
    try {
      const load = await tools.measure(task, {
        signal,
        onSpan: () => {
          spanAtMs = tools.nowMs()
          spanBegan = this.#snapshot(running)
          spanBegan.catch(() => {})
        },
      })
      const endedAtMs = tools.nowMs()
      const beside = other === null ? null : await other
      refuseErrors(load, task)
      const after = await this.#snapshot(running)
      const began = spanAtMs ?? endedAtMs - load.seconds * 1000
      const share = spanBegan === null ? task.measureMs / (task.warmUpMs + task.measureMs) : 1
      const difference = between((await spanBegan) ?? before, after, share)
      // After a fault a process has another pid: its CPU time is not what it was.
      const events = (await faults)?.map(({ at, what }) => ({ atMs: Math.round(at - began), what })) ?? []
      return { run: { load, ...difference, events }, beside }
    } finally {
      stopping.abort()
      await faults?.catch(() => {})
      await other?.catch(() => {})
    }
  }

  async #inject(
    running: RunningSystem,
    { fault, warmUpMs }: PlannedPoint,
    signal: AbortSignal,
  ): Promise<{ at: number; what: string }[]> {
    const { tools } = this.#options
    if (fault === null) return []
    const events: { at: number; what: string }[] = []
    await tools.wait(warmUpMs + fault.killAtMs, signal)
    if (signal.aborted) return events
    const victim = (await running.processes()).find(({ part }) => part === fault.part)
    if (victim === undefined || running.kill === undefined) {
      this.#problem(`no process plays the ${fault.part} that could be killed`)
      return events
    }
    events.push({ at: tools.nowMs(), what: `${victim.name} (${fault.part}) killed` })
    await running.kill(victim.name)
    await tools.wait(fault.restartAtMs - fault.killAtMs, signal)
    if (signal.aborted || running.restart === undefined) return events
    events.push({ at: tools.nowMs(), what: `${victim.name} restarted` })
    await running.restart(victim.name)
    return events
  }

  async #snapshot(running: RunningSystem): Promise<Snapshot> {
    const { tools } = this.#options
    const cpu = new Map<string, number>()
    for (const { name, pid } of await running.processes()) {
      const seconds = await tools.cpuSeconds(pid)
      if (seconds !== null) cpu.set(name, seconds)
    }
    return { cpu, traffic: await running.traffic() }
  }

  #sayWhereTooSlow({ loop }: PlannedPoint, variant: Variant, { load }: Run): void {
    if (loop.type !== 'open' || load.perSecond >= REACHED * loop.perSecond) return
    const [asked, got] = [loop.perSecond, Math.round(load.perSecond)].map((rate) => rate.toLocaleString('en'))
    this.#problem(`${asked} operations a second were not reached (${variant.name}): ${got}`)
  }

  /** Title and condition, for a problem. */
  #where(): string {
    const { replicas, chains, round } = this.#visit
    return [
      `round ${round}`,
      ...(replicas === 3 ? [] : [`${replicas} replicas`]),
      ...(chains === 1 ? [] : [`${chains} chains`]),
    ].join(', ')
  }

  #problem(what: string): void {
    this.#options.store.addProblem(this.#system.title, what)
    this.#options.progress.problem(this.#system.title, what)
  }
}

interface Snapshot {
  readonly cpu: ReadonlyMap<string, number>
  readonly traffic: Run['traffic']
}

/** @param share - of what was counted, that falls into the measured span. */
function between(
  before: Snapshot,
  after: Snapshot,
  share: number,
): Pick<Run, 'serverCpuSeconds' | 'traffic'> {
  const serverCpuSeconds: Record<string, number> = {}
  for (const [name, seconds] of after.cpu)
    serverCpuSeconds[name] = Math.max(0, (seconds - (before.cpu.get(name) ?? 0)) * share)
  if (before.traffic === null || after.traffic === null) return { serverCpuSeconds, traffic: null }
  const count = (pick: (traffic: NonNullable<Run['traffic']>) => number) =>
    before.traffic === null || after.traffic === null
      ? 0
      : Math.max(0, Math.round((pick(after.traffic) - pick(before.traffic)) * share))
  return {
    serverCpuSeconds,
    traffic: {
      messages: count((t) => t.messages),
      bytes: count((t) => t.bytes),
      syncs: count((t) => t.syncs),
    },
  }
}

/** Ways to read make no difference to what does not read. */
function variantsFor({ workload }: PlannedPoint, variants: readonly Variant[]): readonly Variant[] {
  const reads = (workload.shares.read ?? 0) + (workload.shares.scan ?? 0)
  return reads > 0 ? variants : variants.slice(0, 1)
}

function refuseErrors(load: LoadResult, task: LoadTask): void {
  if (task.tolerateErrors || load.errors === 0) return
  throw new Error(`${load.errors} operations failed, the first with: ${load.firstError}`)
}

export function labelOf({ workload, loop, x, experiments }: PlannedPoint): string {
  const how = loop.type === 'closed' ? `${loop.outstanding} outstanding` : `${loop.perSecond}/s`
  const size = experiments.includes('value-size') ? `, ${workload.valueBytes} B` : ''
  return `${workload.name}${size}, ${how}${x === null ? '' : ` (${x})`}`
}

/** The first lines of an error: last words of a server may be long. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.length > 400 ? `${message.slice(0, 400)}…` : message
}

/** For a list of what will be done. */
export function planText(plan: Plan, ms: number): string {
  const systems = new Set(plan.visits.map(({ system }) => system)).size
  const points = plan.visits.reduce((sum, { points }) => sum + points.length, 0)
  return `${systems} systems, ${points} points in ${plan.visits.length} visits, ${plan.rounds} rounds: about ${durationText(ms)}`
}
