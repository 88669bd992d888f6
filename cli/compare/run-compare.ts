/** `catenary compare` as people see it: a plan, progress, a table, a report, an exit status. */
import { setMaxListeners } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ALL_SYSTEMS } from '../../lab/compare/all-systems.ts'
import { durationText, planMs, visitMs } from '../../lab/compare/estimate.ts'
import { commitOf, describeMachine } from '../../lab/compare/machine.ts'
import { makePlan, type Plan, type PlanOptions } from '../../lab/compare/plan.ts'
import { ProgressBar } from '../../lab/compare/progress.ts'
import { comparisonFiles } from '../../lab/compare/report/markdown.ts'
import { renderReport } from '../../lab/compare/report/render.ts'
import type { Figure } from '../../lab/compare/results.ts'
import { planText, runPlan, visitKey } from '../../lab/compare/runner.ts'
import { ResultsStore, readResults } from '../../lab/compare/store-results.ts'
import { headlineTables, problemLines } from '../../lab/compare/table.ts'
import { runnerTools } from '../../lab/compare/tools.ts'
import { UsageError } from '../arguments.ts'
import { say, table } from '../output.ts'

export interface CompareOptions {
  readonly plan: PlanOptions
  readonly paper: boolean
  readonly out: string
  readonly data: string | null
  readonly planOnly: boolean
  /** As it was typed. */
  readonly command: string
}

const INTERRUPTED = 130
const RESULTS = 'results.json'

/** @returns the exit status. */
export async function runCompare(options: CompareOptions): Promise<number> {
  refuseUnknown(options.plan.systems)
  const plan = planOf(options.plan)
  const present = await presentPart(plan)
  say(planText(present, planMs(present)))
  if (options.planOnly) {
    say(visitTable(present))
    return 0
  }
  const out = resolve(options.out)
  mkdirSync(out, { recursive: true })
  const data = resolve(options.data ?? join(out, 'data'))
  const store = new ResultsStore(join(out, RESULTS), {
    began: new Date().toISOString(),
    command: options.command,
    commit: ownCommit(),
    machine: describeMachine(data),
    rounds: plan.rounds,
    asked: { plan: options.plan, paper: options.paper },
  })
  return carryOut({ plan, present, store, out, data, asked: options })
}

/**
 * Goes on where a run stopped, with what that one was asked for.
 *
 * @param path - of its results.json, which is written on.
 * @returns the exit status.
 */
export async function resumeCompare(path: string, data: string | null): Promise<number> {
  const before = readResults(path)
  const { asked } = before
  if (asked === undefined)
    throw new UsageError(`--resume: ${path} does not say what was asked for; an older version wrote it`)
  if (before.ended !== null)
    throw new UsageError(
      `--resume: ${path} is complete; \`catenary compare --report ${path}\` draws it again`,
    )
  const store = ResultsStore.resume(resolve(path), before, ownCommit())
  const plan = planOf(asked.plan)
  const present = await presentPart(plan)
  const left = { ...present, visits: present.visits.filter((visit) => !store.isFinished(visitKey(visit))) }
  say(`goes on with ${before.command}`)
  say(`${left.visits.length} of ${present.visits.length} visits are left: ${durationText(planMs(left))}`)
  const out = dirname(resolve(path))
  return carryOut({ plan, present, store, out, data: resolve(data ?? join(out, 'data')), asked })
}

async function carryOut(run: {
  readonly plan: Plan
  readonly present: Plan
  readonly store: ResultsStore
  readonly out: string
  readonly data: string
  readonly asked: { readonly plan: PlanOptions; readonly paper: boolean }
}): Promise<number> {
  const { plan, present, store, out, data, asked } = run
  say(`results and report: ${out} (kept after each point; Ctrl-C stops cleanly, --resume goes on)`)
  const stopping = stopOnSignal()
  const progress = new ProgressBar({
    totalMs: planMs(present),
    rounds: plan.rounds,
    isWatched: process.stdout.isTTY === true,
    write: (text) => void process.stdout.write(text),
    nowMs: () => performance.now(),
  })
  try {
    const tools = runnerTools(data)
    const { signal } = stopping
    const seed = 1
    const outcome = await runPlan({ plan, systems: ALL_SYSTEMS, store, tools, progress, signal, seed })
    progress.end()
    if (asked.paper && outcome === 'done') await addFigures(store, asked.plan.quick, signal)
    if (!signal.aborted) store.end(new Date().toISOString())
  } finally {
    progress.end()
    rmSync(data, { recursive: true, force: true, maxRetries: 10 })
  }
  return finish(store, out, stopping.signal.aborted)
}

const ownCommit = () => commitOf(fileURLToPath(new URL('../..', import.meta.url)))

function finish(store: ResultsStore, out: string, isInterrupted: boolean): number {
  store.save()
  const { results } = store
  const report = join(out, 'report.html')
  writeFileSync(report, renderReport(results))
  if (results.points.length > 0) say(`\n${headlineTables(results)}`)
  if (results.problems.length > 0) say(`\nNot measured, and why\n${problemLines(results)}`)
  say(`\nReport:  ${report}\nNumbers: ${join(out, RESULTS)}`)
  if (isInterrupted) {
    say(
      `Interrupted: ${results.points.length} points are kept; everything that was started has been stopped. To go on:\n  catenary compare --resume ${join(out, RESULTS)}`,
    )
    return INTERRUPTED
  }
  return results.problems.length > 0 ? 1 : 0
}

/** What is not installed takes no time; it stays in the plan that is run, so that the report says that it was missing. */
async function presentPart(plan: Plan): Promise<Plan> {
  const missing = new Set<string>()
  for (const system of ALL_SYSTEMS) if ((await system.missing()) !== null) missing.add(system.id)
  return { ...plan, visits: plan.visits.filter(({ system }) => !missing.has(system)) }
}

function planOf(options: PlanOptions): Plan {
  const plan = makePlan(ALL_SYSTEMS, options)
  if (plan.visits.length === 0)
    throw new UsageError('nothing to measure: the chosen systems take no part in the chosen experiments')
  return plan
}

function refuseUnknown(systems: readonly string[] | null): void {
  for (const id of systems ?? [])
    if (!ALL_SYSTEMS.some((system) => system.id === id))
      throw new UsageError(
        `--systems: ${JSON.stringify(id)} is none of ${ALL_SYSTEMS.map((system) => system.id).join(', ')}`,
      )
}

function stopOnSignal(): AbortController {
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal) // each load process listens to it, and there are hundreds
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(INTERRUPTED) // asked twice
      stopping.abort(new Error('interrupted'))
    })
  return stopping
}

/** First with the costs of the papers' machines, beside whose numbers they can stand; then some with costs measured here, to say what this machine would do. */
async function addFigures(store: ResultsStore, quick: boolean, signal: AbortSignal): Promise<void> {
  const { paperFigures } = await import('../../lab/paper/figures.ts')
  const { measuredFigures } = await import('../../lab/paper/measured-figures.ts')
  const figures: Figure[] = []
  for (const made of [paperFigures({ quick }), measuredFigures(store.results, quick)])
    for (const figure of made) {
      say(`paper: ${figure.id}`)
      figures.push(figure)
      store.setFigures(figures)
      store.save()
      await new Promise((resolve) => setImmediate(resolve)) // signals are heard in between
      if (signal.aborted) return
    }
}

function visitTable(plan: Plan): string {
  const conditions = new Map<string, { row: (string | number)[]; points: number; ms: number }>()
  for (const visit of plan.visits) {
    const { system, durability, replicas, chains, points } = visit
    const experiments = new Set(points.flatMap((point) => point.experiments))
    const isFailure = experiments.has('failure')
    const key = JSON.stringify([system, durability, replicas, chains, isFailure])
    const before = conditions.get(key)
    conditions.set(key, {
      row: before?.row ?? [system, durability, replicas, chains, [...experiments].join(', ')],
      points: (before?.points ?? 0) + points.length,
      ms: (before?.ms ?? 0) + visitMs(visit),
    })
  }
  return table(
    ['system', 'durability', 'replicas', 'chains', 'experiments', 'measured', 'takes'],
    [...conditions.values()].map(({ row, points, ms }) => [...row, points, durationText(ms)]),
  )
}

export async function listSystems(): Promise<void> {
  const rows = await Promise.all(
    ALL_SYSTEMS.map(async (system) => [system.id, system.title, (await system.missing()) ?? 'ready']),
  )
  say(table(['--systems', 'what it is', ''], rows))
}

export function writeReportAgain(from: string, out: string): void {
  const results = readResults(from)
  mkdirSync(out, { recursive: true })
  const path = join(out, 'report.html')
  writeFileSync(path, renderReport(results))
  say(resolve(path))
}

export function writeMarkdown(from: string, out: string): void {
  for (const { path, text } of comparisonFiles(readResults(from))) {
    const file = join(out, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
    say(file)
  }
}
