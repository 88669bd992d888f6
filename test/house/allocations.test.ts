import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Allocations } from '../../lab/bench/allocations.ts'
import { builtEntry } from '../support/cluster.ts'

/** Without the optimizing compilers, and without a collection meanwhile, the same code allocates the same, within half a percent. */
const STEADY = [
  '--expose-gc',
  '--no-opt',
  '--no-sparkplug',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
]

test('the hot paths allocate no more than they did', () => {
  const program = join(builtEntry(), '../../lab/bench/allocations.js')
  const out = execFileSync(process.execPath, [...STEADY, program], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  })
  const { readBytes, writeBytes } = JSON.parse(out) as Allocations
  // As measured when this was written, with Node 20.20; another Node may lay out its objects in another way. Who needs more should know what for.
  const slack = process.version.startsWith('v20.') ? 1.1 : 1.5
  expect(readBytes).toBeLessThan(2_370 * slack)
  expect(writeBytes).toBeLessThan(11_900 * slack)
  expect(Math.min(readBytes, writeBytes)).toBeGreaterThan(0)
})
