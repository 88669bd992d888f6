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

export class ResultsStore {
  readonly #path: string | null
  readonly #frame: Pick<Results, 'began' | 'command' | 'commit' | 'machine' | 'rounds'>
  readonly #systems = new Map<string, SystemRecord>()
  readonly #points = new Map<string, { readonly point: Point; readonly runs: Run[] }>()
  readonly #problems: { system: string; what: string }[] = []
  #figures: readonly Figure[] = []
  #ended: string | null = null

  /** @param path - of `results.json`; null: nothing is written. */
  constructor(
    path: string | null,
    frame: Pick<Results, 'began' | 'command' | 'commit' | 'machine' | 'rounds'>,
  ) {
    this.#path = path
    this.#frame = frame
    if (path !== null) mkdirSync(dirname(path), { recursive: true })
  }

  /** The first record of a system stays: the sweeps start it with other numbers of replicas, and points say which. */
  addSystem(record: SystemRecord): void {
    if (!this.#systems.has(record.id)) this.#systems.set(record.id, record)
  }

  addRun(point: Omit<Point, 'runs'>, run: Run): void {
    const { system, experiment, variant, workload, loop, x } = point
    const key = JSON.stringify([system, experiment, variant, workload, loop, x])
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
      ...this.#frame,
      ended: this.#ended,
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
