/** `catenary compare` as people see it: a plan, progress, a table, a report, an exit status. */
import { setMaxListeners } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ALL_SYSTEMS } from '../../lab/compare/all-systems.ts'
import { planMs } from '../../lab/compare/estimate.ts'
import { commitOf, describeMachine } from '../../lab/compare/machine.ts'
import { makePlan, type Plan, type PlanOptions } from '../../lab/compare/plan.ts'
import { ProgressBar } from '../../lab/compare/progress.ts'
import { comparisonFiles } from '../../lab/compare/report/markdown.ts'
import { renderReport } from '../../lab/compare/report/render.ts'
import { planText, runPlan } from '../../lab/compare/runner.ts'
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

/** @returns the exit status. */
export async function runCompare(options: CompareOptions): Promise<number> {
  refuseUnknown(options.plan.systems)
  const plan = planOf(options.plan)
  const present = await presentPart(plan)
  const totalMs = planMs(present)
  say(planText(present, totalMs))
  if (options.planOnly) {
    say(visitTable(present))
    return 0
  }
  const out = resolve(options.out)
  mkdirSync(out, { recursive: true })
  const data = resolve(options.data ?? join(out, 'data'))
  const store = new ResultsStore(join(out, 'results.json'), {
    began: new Date().toISOString(),
    command: options.command,
    commit: commitOf(fileURLToPath(new URL('../..', import.meta.url))),
    machine: describeMachine(data),
    rounds: plan.rounds,
  })
  say(`results and report: ${out} (kept after each point; Ctrl-C stops cleanly)`)
  const stopping = stopOnSignal()
  const progress = new ProgressBar({
    totalMs,
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
    if (options.paper && outcome === 'done') await addFigures(store, options.plan.quick, signal)
    if (!signal.aborted) store.end(new Date().toISOString())
  } finally {
    progress.end()
    rmSync(data, { recursive: true, force: true, maxRetries: 10 })
  }
  return finish(store, out, stopping.signal.aborted)
}

function finish(store: ResultsStore, out: string, isInterrupted: boolean): number {
  store.save()
  const { results } = store
  const report = join(out, 'report.html')
  writeFileSync(report, renderReport(results))
  if (results.points.length > 0) say(`\n${headlineTables(results)}`)
  if (results.problems.length > 0) say(`\nNot measured, and why\n${problemLines(results)}`)
  say(`\nReport:  ${report}\nNumbers: ${join(out, 'results.json')}`)
  if (isInterrupted) {
    say(
      `Interrupted: ${results.points.length} points are kept; everything that was started has been stopped.`,
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

async function addFigures(store: ResultsStore, quick: boolean, signal: AbortSignal): Promise<void> {
  const { paperFigures } = await import('../../lab/paper/figures.ts')
  const figures = []
  for (const figure of paperFigures({ quick, onProgress: ({ id }) => say(`paper: ${id}`) })) {
    figures.push(figure)
    store.setFigures(figures)
    store.save()
    await new Promise((resolve) => setImmediate(resolve)) // signals are heard in between
    if (signal.aborted) return
  }
}

function visitTable(plan: Plan): string {
  const conditions = new Map<string, { row: (string | number)[]; rounds: number }>()
  for (const visit of plan.visits) {
    const { system, durability, replicas, chains, quotaPercent, points } = visit
    const experiments = [...new Set(points.flatMap((point) => point.experiments))].join(', ')
    const row = [
      system,
      durability,
      replicas,
      chains,
      quotaPercent === null ? '' : `${quotaPercent} %`,
      experiments,
    ]
    const key = JSON.stringify([
      ...row.slice(0, 5),
      points.some(({ fault }) => fault !== null) ? points[0]?.workload.name : '',
    ])
    const before = conditions.get(key)
    if (before === undefined) conditions.set(key, { row: [...row, points.length], rounds: 1 })
    else before.rounds++
  }
  return table(
    ['system', 'durability', 'replicas', 'chains', 'CPU each', 'experiments', 'points', 'rounds'],
    [...conditions.values()].map(({ row, rounds }) => [...row, rounds]),
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
