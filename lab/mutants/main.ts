/**
 * Leaves out one rule of the protocols after another, and says how many seeds the simulator needs to notice.
 *
 *   npm run mutants                    all of them
 *   npm run mutants -- no-lease-check  those whose name has this in it
 */
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Table from 'cli-table3'
import { hunt, type Kill } from './hunt.ts'
import { MUTANTS, type Mutant } from './mutants.ts'
import { Workshop } from './mutate.ts'

const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const words = process.argv.slice(2)
const chosen = MUTANTS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
if (chosen.length === 0) {
  console.error(
    `no mutant has a name like ${words.join(' or ')}; there are:\n${MUTANTS.map(({ name }) => `  ${name}`).join('\n')}`,
  )
  process.exit(2)
}

const workshop = new Workshop(project)
process.once('exit', () => workshop.close())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const kills = new Map<Mutant, Kill | null>()
const waiting = [...chosen]
await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work))
report()

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const kill = await hunt(workshop.build(mutant), mutant)
    kills.set(mutant, kill)
    const outcome = kill === null ? `ALIVE after ${mutant.seeds} seeds` : `seed ${kill.seed}: ${kill.what}`
    console.error(`${kills.size}/${chosen.length} ${mutant.name}: ${outcome}`)
  }
}

function report(): void {
  const table = new Table({
    head: ['left out', 'killed by seed', 'of at most', 'as'],
    style: { head: [], border: [] },
  })
  for (const mutant of chosen) {
    const kill = kills.get(mutant) ?? null
    table.push([
      mutant.name,
      kill?.seed ?? 'ALIVE',
      mutant.seeds,
      kill === null ? '' : `${kill.kind}: ${kill.what.slice(0, 70)}`,
    ])
  }
  console.log(table.toString())
  const alive = chosen.filter((mutant) => !kills.get(mutant))
  console.log(`${chosen.length} mutants, ${alive.length} alive`)
  if (alive.length > 0) process.exitCode = 1
}
