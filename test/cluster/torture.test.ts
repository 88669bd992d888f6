import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readHistory } from '../../lab/checker/formats/read-history.ts'
import { catenary, eachOf } from '../cli/run-catenary.ts'
import { builtEntry, STORY_TIMEOUT_MS, until } from '../support/cluster.ts'

const root = mkdtempSync(join(tmpdir(), 'catenary-torture-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** What a torture leaves in a directory of its own for temporary files. */
const leftIn = (temporary: string) => readdirSync(temporary)

/** Command lines of all processes that name this directory. */
function processesOf(directory: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return line.includes(directory) ? [line.replaceAll('\0', ' ')] : []
    } catch {
      return [] // it has ended meanwhile
    }
  })
}

describe('catenary torture', () => {
  test('kills and pauses real processes, and finds what clients saw linearizable', {
    timeout: STORY_TIMEOUT_MS,
  }, async () => {
    builtEntry()
    const out = join(root, 'out')
    const words = [
      '--minutes',
      '0.25',
      '--seed',
      '1',
      '--faults',
      'kill,pause',
      '--clients',
      '4',
      '--out',
      out,
    ]
    const { status, stdout, stderr } = await catenary(['torture', ...words])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/SIGKILL/)
    expect(stdout).toMatch(/SIGSTOP/)
    expect(stdout).toMatch(/│ all +│/)
    expect(stdout).toContain('Verdict: linearizable, and back to full strength.')
    expect(status).toBe(0)
    const { model, operations } = readHistory(readFileSync(join(out, 'history.ndjson'), 'utf8'))
    expect(model).toBe('transactions')
    expect(operations.length).toBeGreaterThan(500)
  })

  test('ends cleanly when it is told to, and leaves nothing behind', {
    timeout: STORY_TIMEOUT_MS,
  }, async () => {
    const temporary = mkdtempSync(join(root, 'tmp-'))
    const child = spawn(process.execPath, [builtEntry(), 'torture', '--minutes', '5', '--seed', '2'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await until('it is under way', () => / operations,/.test(text), 90_000)
    expect(processesOf(temporary).length).toBeGreaterThan(5)
    child.kill('SIGTERM')
    expect(await ended).toBe(130)
    await until('every process has ended', () => processesOf(temporary).length === 0)
    expect(leftIn(temporary)).toEqual([])
  })

  test('names options that make no sense', async () => {
    const used = mkdtempSync(join(root, 'used-'))
    writeFileSync(join(used, 'something'), '')
    const wrong: [words: string[], complaint: string][] = [
      [
        ['--faults', 'kill,flood'],
        '--faults: "flood" is none of kill, pause, partition, slow, disk-full, power-cut',
      ],
      [['--faults', 'kill,kill'], '--faults: kill is named twice'],
      [['--minutes', '0'], '--minutes: use a number from 0.1 to 10000; not 0'],
      [['--minutes', 'long'], '--minutes: use a number from 0.1 to 10000; what was given is no number'],
      [['--seed', '-1'], '--seed: use a whole number from 0 to 4294967295; not -1'],
      [['--seed', '1.5'], '--seed: use a whole number from 0 to 4294967295; not 1.5'],
      [['--clients', '0'], '--clients: use a whole number from 1 to 64; not 0'],
      [['--servers', '31'], '--servers: use a whole number from 1 to 30; not 31'],
      [['--chains', '65'], '--chains: use a whole number from 1 to 64; not 65'],
      [['--transport', 'carrier-pigeon'], 'carrier-pigeon'],
      [
        ['--transport', 'nats://127.0.0.1:1', '--faults', 'partition'],
        '--faults partition: not here: over nats://',
      ],
      [['--data', used], `--data ${used}: the directory is not empty`],
    ]
    await eachOf(wrong, async ([words, complaint]) => {
      const { status, stdout, stderr } = await catenary(['torture', ...words])
      expect(stderr).toContain(complaint)
      expect([status, stdout]).toEqual([2, ''])
    })
  })
})
