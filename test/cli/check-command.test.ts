import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catenary } from './run-catenary.ts'

const example = (name: string) =>
  fileURLToPath(new URL(`../../docs/examples/lecture-${name}.ndjson`, import.meta.url))
const RIGHT = example('1-linearizable')
const WRONG = example('2-cycle')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'catenary-check-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a right history: status 0', async () => {
  const { status, stdout } = await catenary(['check', RIGHT])
  expect(stdout).toContain('linearizable (register, 4 operations')
  expect(status).toBe(0)
})

test('a wrong history: status 1, what is wrong, and a page', async () => {
  const page = join(folder, 'wrong.html')
  const { status, stdout } = await catenary(['check', WRONG, '--html', page])
  expect(stdout).toContain('NOT linearizable')
  expect(stdout).toContain('had found the newer 2 before')
  expect(stdout).toContain('4 operations alone that cannot be explained')
  expect(readFileSync(page, 'utf8')).toContain('lecture-2-cycle.ndjson')
  expect(status).toBe(1)
})

test('standard input, and JSON', async () => {
  const { status, stdout } = await catenary(['check', '--json', '-'], { input: readFileSync(WRONG) })
  expect(JSON.parse(stdout)).toMatchObject({
    file: 'standard input',
    judgement: 'not-linearizable',
    parts: [{ name: 'all', operations: 4 }],
  })
  expect(status).toBe(1)
})

test('what is no history: status 2, and where it is broken', async () => {
  const input = `${readFileSync(RIGHT, 'utf8')}{"type":"ok","op":9,"time":20,"output":{}}\n`
  const { status, stderr } = await catenary(['check', '-'], { input })
  expect(stderr).toContain('line 10, op: an answer to 9, which has no invoke')
  expect(status).toBe(2)
})

test.each([
  ['no file', ['check', 'no-such-file'], 'there is no such file'],
  ['a folder', ['check', tmpdir()], 'is a directory'],
  ['another model', ['check', RIGHT, '--model', 'znodes'], 'cannot be judged as znodes'],
  ['one page for two', ['check', RIGHT, WRONG, '--html', 'x.html'], '--html shows one history'],
  ['no time', ['check', RIGHT, '--timeout', 'soon'], '--timeout "soon"'],
  ['no files', ['check'], 'Something is missing'],
])('%s: status 2', async (_, args, message) => {
  const { status, stderr } = await catenary(args)
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})

test('of several files the worst counts', async () => {
  expect((await catenary(['check', RIGHT, 'no-such-file'])).status).toBe(2)
  expect((await catenary(['check', 'no-such-file', WRONG, RIGHT])).status).toBe(1)
})

test('a limit: status 3, and which', async () => {
  const header = '{"format":"catenary-history","version":1,"model":"register"}\n'
  const events = Array.from({ length: 14 }, (_, op) => [
    { type: 'invoke', op, process: `p${op}`, time: 0, input: { f: 'write', value: op } },
    { type: 'ok', op, time: 10, output: {} },
  ]).flat()
  const read = [
    { type: 'invoke', op: 99, process: 'r', time: 11, input: { f: 'read' } },
    { type: 'ok', op: 99, time: 12, output: { value: 'none of these' } },
  ]
  const input = header + [...events, ...read].map((event) => `${JSON.stringify(event)}\n`).join('')
  const { status, stdout } = await catenary(['check', '--timeout', '1ms', '-'], { input })
  expect(stdout).toContain('unknown')
  expect(stdout).toContain('the time was over')
  expect(status).toBe(3)
})
