/** A run is a function of its options, to the last byte of its trace. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { simulate } from '../../lab/simulator/simulate.ts'
import { builtEntry } from '../support/cluster.ts'

const SHORT = {
  faultSeconds: 1,
  servers: 3,
  clients: 2,
  chains: 1,
  shape: { coordinators: 3, thinkMs: [50, 300], znodeClients: 1, znodeThinkMs: [50, 300], pace: 2 },
} as const
const COUNT = process.env['CATENARY_TEST_LONG'] === undefined ? 30 : 100
const SEEDS = Array.from({ length: COUNT }, (_, i) => 7_000 + i)
const TWICE = SEEDS.slice(0, 10)
const IN_WORDS = SEEDS.slice(0, 3)

const hashOf = async (seed: number) => (await simulate({ seed, ...SHORT })).traceHash

async function wordsOf(seed: number): Promise<string[]> {
  const lines: string[] = []
  await simulate({ seed, ...SHORT, trace: (atUs, who, what) => lines.push(`${atUs} ${who} ${what}`) })
  return lines
}

/** By the compiled code, in a process of its own. */
async function hashesElsewhere(seeds: readonly number[]): Promise<string[]> {
  const url = pathToFileURL(join(builtEntry(), '..', '..', 'lab', 'simulator', 'simulate.js')).href
  const program = `
    const { simulate } = await import(${JSON.stringify(url)})
    const hashes = []
    for (const seed of ${JSON.stringify(seeds)})
      hashes.push((await simulate({ seed, ...${JSON.stringify(SHORT)} })).traceHash)
    console.log(JSON.stringify(hashes))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  return JSON.parse(stdout) as string[]
}

test(`${SEEDS.length} seeds have the same traces in two processes, and no two the same one`, async () => {
  const elsewhere = hashesElsewhere(SEEDS)
  const here: string[] = []
  for (const seed of SEEDS) here.push(await hashOf(seed))
  expect(here).toEqual(await elsewhere)
  expect(new Set(here).size).toBe(SEEDS.length)
})

test('what ran before in the process changes nothing', async () => {
  const first: string[] = []
  for (const seed of TWICE) first.push(await hashOf(seed))
  const second: string[] = []
  for (const seed of TWICE.toReversed()) second.unshift(await hashOf(seed))
  expect(second).toEqual(first)
})

test.for(IN_WORDS)('seed %i: the same words twice', async (seed) => {
  const words = await wordsOf(seed)
  expect(words.length).toBeGreaterThan(300)
  expect(await wordsOf(seed)).toEqual(words)
})
