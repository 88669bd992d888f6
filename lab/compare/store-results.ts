/** Holds what was measured so far, and keeps the file up to date: after each point, whole or not at all. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  type Figure,
  type Point,
  RESULTS_VERSION,
  type Results,
  type Run,
  type SystemRecord,
} from './results.ts'

type Frame = Pick<Results, 'began' | 'command' | 'commit' | 'machine' | 'rounds' | 'asked'>
type Identity = Omit<Point, 'runs' | 'level'>

export class ResultsStore {
  readonly #path: string | null
  readonly #frame: Frame
  readonly #systems = new Map<string, SystemRecord>()
  readonly #points = new Map<string, { readonly point: Point; readonly runs: Run[] }>()
  readonly #problems: { system: string; what: string }[] = []
  readonly #finished = new Set<string>()
  #figures: readonly Figure[] = []
  #ended: string | null = null

  /** @param path - of `results.json`; null: nothing is written. */
  constructor(path: string | null, frame: Frame) {
    this.#path = path
    this.#frame = frame
    if (path !== null) mkdirSync(dirname(path), { recursive: true })
  }

  /**
   * Goes on with what an earlier run has left; what it could not measure is tried again.
   *
   * @param commit - of the program that goes on.
   */
  static resume(path: string, before: Results, commit: string): ResultsStore {
    const both = before.commit.split(', then ').includes(commit)
      ? before.commit
      : `${before.commit}, then ${commit}`
    const store = new ResultsStore(path, { ...before, commit: both })
    for (const system of before.systems) store.addSystem(system)
    for (const point of before.points) for (const run of point.runs) store.addRun(point, run)
    for (const { system, what } of before.problems) store.addProblem(system, what)
    for (const key of before.finished ?? []) store.finish(key)
    return store
  }

  /** A visit of the plan is over, and all of it was measured. */
  finish(key: string): void {
    this.#finished.add(key)
  }

  isFinished(key: string): boolean {
    return this.#finished.has(key)
  }

  /** How often this was measured. */
  runsOf(point: Identity): number {
    return this.#points.get(keyOf(point))?.runs.length ?? 0
  }

  /** The first record of a system stays: the sweeps start it with other numbers of replicas, and points say which. */
  addSystem(record: SystemRecord): void {
    if (!this.#systems.has(record.id)) this.#systems.set(record.id, record)
  }

  addRun(point: Omit<Point, 'runs'>, run: Run): void {
    const key = keyOf(point)
    let entry = this.#points.get(key)
    if (entry === undefined) {
      const runs: Run[] = []
      entry = { point: { ...point, runs }, runs }
      this.#points.set(key, entry)
    }
    entry.runs.push(run)
  }

  addProblem(system: string, what: string): void {
    if (this.#problems.some((problem) => problem.system === system && problem.what === what)) return
    this.#problems.push({ system, what })
  }

  setFigures(figures: readonly Figure[]): void {
    this.#figures = figures
  }

  /** Everything that was planned was done. Without it, the file says that it was interrupted. */
  end(at: string): void {
    this.#ended = at
  }

  get results(): Results {
    return {
      version: RESULTS_VERSION,
      began: this.#frame.began,
      ended: this.#ended,
      command: this.#frame.command,
      commit: this.#frame.commit,
      machine: this.#frame.machine,
      rounds: this.#frame.rounds,
      ...(this.#frame.asked === undefined ? {} : { asked: this.#frame.asked }),
      finished: [...this.#finished],
      systems: [...this.#systems.values()],
      points: [...this.#points.values()].map(({ point }) => point),
      figures: this.#figures,
      problems: this.#problems,
    }
  }

  save(): void {
    if (this.#path === null) return
    const part = `${this.#path}.part`
    writeFileSync(part, `${JSON.stringify(this.results)}\n`)
    renameSync(part, this.#path)
  }
}

const keyOf = ({ system, experiment, variant, workload, loop, x }: Identity) =>
  JSON.stringify([system, experiment, variant, workload, loop, x])

/** @throws where there is no such file or it holds something else. */
export function readResults(path: string): Results {
  let read: unknown
  try {
    read = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(
      `${path}: ${error instanceof Error ? error.message : error}; \`catenary compare\` writes such a file`,
    )
  }
  const found = read as Partial<Results> | null
  if (found?.version !== RESULTS_VERSION || !Array.isArray(found.points) || !Array.isArray(found.systems))
    throw new Error(`${path}: not a results.json of version ${RESULTS_VERSION}`)
  return found as Results
}
