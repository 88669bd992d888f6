import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withCoordinators } from '../support/coordinators.ts'

/** Debian's module belongs to Debian's interpreter, which need not be the first in PATH. */
const PYTHON = '/usr/bin/python3'
const ADVICE = 'python3-kazoo is not installed; run scripts/install-test-servers.sh'
const SCRIPT = join(import.meta.dirname, 'kazoo-smoke.py')

function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    }
    child.once('error', (error) => reject(new Error(ADVICE, { cause: error })))
    child.once('close', (code) => resolve({ code, output }))
  })
}

test('kazoo, a ZooKeeper client of others, finds ephemerals, sequences, watches, recipes as it knows them', async () => {
  if ((await run(['-c', 'import kazoo'])).code !== 0) throw new Error(ADVICE)
  await withCoordinators(async ({ addresses }) => {
    const { code, output } = await run([SCRIPT, addresses.join(',')])
    console.log(output)
    expect(code, output).toBe(0)
    expect(output).toContain('all is well')
  })
})
