import { describe, expect, test } from 'vitest'
import { runScript, tree } from './tree.ts'

/** What the script says of a tree, without the summary line. */
function offencesOf(files: Readonly<Record<string, string>>): readonly string[] {
  const { status, lines } = runScript('check-layers.mjs', '--root', tree(files))
  const offences = lines.filter((line) => !line.startsWith('layers: '))
  expect(offences).toHaveLength(lines.length - 1)
  expect(status).toBe(offences.some((line) => !line.includes(': notice: ')) ? 1 : 0)
  return offences
}

describe('import edges', () => {
  const forbidden = [
    ['protocol', 'chain'],
    ['chain', 'coordinator'],
    ['chain', 'client'],
    ['coordinator', 'chain'],
    ['client', 'coordinator'],
    ['client', 'runtime'],
    ['runtime', 'lab'],
    ['runtime', 'cli'],
    ['lab', 'cli'],
    ['cli', 'test'],
    ['lab', 'scripts'],
    ['lab', 'nowhere'],
  ] as const
  test.each(forbidden)('%s may not import %s', (from, to) => {
    const files = { [`${from}/a.ts`]: `\nimport { b } from '../${to}/b.ts'\n`, 'chain/b.ts': '' }
    const [offence, ...others] = offencesOf(files)
    expect(others).toEqual([])
    expect(offence).toMatch(
      new RegExp(`^${from}/a\\.ts:2: imports '\\.\\./${to}/b\\.ts', but ${from}/ may import only `),
    )
  })

  test('every edge of the plan is allowed, and tests may import everything', () => {
    const from = (...folders: string[]) => folders.map((name) => `import '../${name}/a.ts'`).join('\n')
    const files = {
      'protocol/a.ts': "import './b.ts'",
      'chain/a.ts': from('protocol'),
      'coordinator/a.ts': from('protocol'),
      'client/a.ts': from('protocol'),
      'runtime/a.ts': from('protocol', 'chain', 'coordinator', 'client'),
      'lab/a.ts': from('protocol', 'chain', 'coordinator', 'client', 'runtime'),
      'cli/a.ts': from('protocol', 'chain', 'coordinator', 'client', 'runtime', 'lab'),
      'test/a.ts': from('protocol', 'runtime', 'cli', 'scripts'),
    }
    expect(offencesOf(files)).toEqual([])
  })

  test.each([
    "import type { B } from '../lab/b.ts'",
    "import { type B, c as d } from '../lab/b.ts'",
    "import type B from '../lab/b.ts'",
    "import b, * as c from '../lab/b.ts'",
    "import '../lab/b.ts'",
    "import { from } from '../lab/b.ts'",
    "export * from '../lab/b.ts'",
    "export * as b from '../lab/b.ts'",
    "export { b } from '../lab/b.ts'",
    "export type { B } from '../lab/b.ts'",
    "const b = await import('../lab/b.ts')",
    "let b: import('../lab/b.ts').B",
    "const half = a / 2; import '../lab/b.ts' // half / 2",
  ])('sees %s', (line) => {
    expect(offencesOf({ 'runtime/a.ts': line })).toHaveLength(1)
  })

  test.each([
    "// import '../lab/b.ts'",
    "/* import '../lab/b.ts' */",
    'const text = "import \'../lab/b.ts\'"',
    "const text = `import '../lab/b.ts' ${`import '../lab/c.ts'`}`",
    "export const from = 1\nexport type From = '../lab/b.ts'",
    'const own = import.meta.url',
  ])('is not misled by %s', (line) => {
    expect(offencesOf({ 'runtime/a.ts': line })).toEqual([])
  })

  test('an unknown folder of code must be given its place', () => {
    expect(offencesOf({ 'extras/a.ts': '' })).toEqual([
      expect.stringMatching(/^extras\/a\.ts:1: extras\/ is not a folder of the plan/),
    ])
  })
})

describe('pure cores', () => {
  const cores = ['protocol', 'chain', 'coordinator/raft', 'client/core', 'lab/simulator', 'lab/checker']
  const offences = [
    ['Date', 'const now = Date.now()'],
    ['Date', 'const now = cold ? 0 : new Date()'],
    ['Date', 'const now = cold ? Date : 0'],
    ['performance', 'const now = performance.now()'],
    ['Math.random', 'const dice = Math.random()'],
    ['Math.random', "const dice = Math['random']()"],
    ['crypto', 'crypto.getRandomValues(bytes)'],
    ['setTimeout', 'setTimeout(f, 1)'],
    ['setInterval', 'setInterval(f, 1)'],
    ['setImmediate', 'setImmediate(f)'],
    ['queueMicrotask', 'queueMicrotask(f)'],
    ['Promise', 'function f(): Promise<void> {}'],
    ['async', 'const f = async () => {}'],
    ['await', 'for await (const x of y) {}'],
    ['process', "const debug = process.env['DEBUG']"],
    ['process', 'const own = { ...process }'],
    ['globalThis', 'globalThis.x = 1'],
    ['console', 'console.log(1)'],
    ['Buffer', 'const b = Buffer.alloc(1)'],
    ['Buffer', 'const b = `${Buffer.alloc(1)}`'],
    ['Date', 'const ratio = text.replace(/[/"]/g, "") / 2 + Date.now()'],
  ] as const
  test.each(offences)('%s is caught in: %s', (word, line) => {
    const found = offencesOf({ 'chain/a.ts': `// one\n/* two\n three */ ${line}` })
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(new RegExp(`^chain/a\\.ts:3: ${word} \\(.+\\) inside a core \\(chain/\\)$`))
  })

  test.each(cores)('%s is a core', (core) => {
    expect(offencesOf({ [`${core}/a.ts`]: 'export const now = () => Date.now()' })).toHaveLength(1)
  })

  test('what runs in virtual time may promise, but has no clock of its own; nor has what it imports', () => {
    const text = "import '../../runtime/a.ts'\nexport const f = async (process: P) => process.start()"
    expect(
      offencesOf({ 'lab/simulator/a.ts': text, 'runtime/a.ts': 'export const g = async () => 1' }),
    ).toEqual([])
    for (const line of ['setTimeout(f, 1)', 'process.env', 'Date.now()', "import 'node:fs'"])
      expect(offencesOf({ 'lab/simulator/a.ts': text, 'runtime/a.ts': line })).toHaveLength(1)
  })

  test.each(['client/transport', 'runtime', 'lab/bench', 'cli', 'test/chain'])('%s is not', (folder) => {
    const text =
      "import { open } from 'node:fs/promises'\nimport pino from 'pino'\nexport const f = async () => Date.now()"
    expect(offencesOf({ [`${folder}/a.ts`]: text })).toEqual([])
  })

  test('comments, strings, members and keys are no uses', () => {
    const text = [
      '// Date, Promise and setTimeout are not for us',
      "const words = ['Date', 'await', `process`]",
      'stats.process = queue.await + this.#process',
      'const row = { Date: 1, async: true }',
      'interface Row { readonly process: number; performance?: number }',
      'const pattern = /Date|await `/',
      'const largest = Math.max(1, 2)',
    ].join('\n')
    expect(offencesOf({ 'chain/a.ts': text })).toEqual([])
  })

  test('Node’s modules and packages are refused, except the pure ones in protocol', () => {
    const text =
      "import 'msgpackr'\nimport slot from 'cluster-key-slot'\nimport 'node:fs'\nimport 'fs'\nimport 'pino'"
    expect(offencesOf({ 'protocol/a.ts': text }).map((line) => line.split(' inside ')[0])).toEqual([
      "protocol/a.ts:3: imports 'node:fs'",
      "protocol/a.ts:4: imports 'fs'",
      "protocol/a.ts:5: imports 'pino'",
    ])
    expect(offencesOf({ 'chain/a.ts': "import 'msgpackr'" })).toEqual([
      "chain/a.ts:1: imports 'msgpackr' inside a core (chain/): only protocol/ uses this package",
    ])
  })

  test('what a core imports must be pure, too, unless it imports types alone', () => {
    const files = {
      'client/core/router.ts': "import { b } from '../b.ts'\nimport type { D } from '../d.ts'",
      'client/b.ts': "import { c } from './c.ts'",
      'client/c.ts': 'export const now = () => Date.now()',
      'client/d.ts': 'export type D = Promise<void>',
    }
    expect(offencesOf(files)).toEqual([
      expect.stringMatching(
        /^client\/c\.ts:1: Date .* inside code that a core runs \(reached from client\/core\/router\.ts\)$/,
      ),
    ])
  })
})

describe('shape of files', () => {
  test('701 lines are too many, 401 deserve a notice', () => {
    const lines = (count: number) => 'export {}\n'.repeat(count)
    const files = {
      'cli/a.ts': lines(701),
      'cli/b.ts': lines(700),
      'cli/c.ts': lines(401),
      'cli/d.ts': lines(400),
    }
    expect(offencesOf(files)).toEqual([
      expect.stringMatching(/^cli\/a\.ts:701: 701 lines; 700 is the limit/),
      expect.stringMatching(/^cli\/b\.ts: notice: 700 lines/),
      expect.stringMatching(/^cli\/c\.ts: notice: 401 lines/),
    ])
  })

  test.each(['cli/versionStore.ts', 'cli/version_store.ts', 'cli/Version.ts', 'cli/someCommands/a.ts'])(
    '%s is not kebab-case',
    (path) => {
      expect(offencesOf({ [path]: '' })).toEqual([
        `${path}:1: names are kebab-case, such as version-store.ts`,
      ])
    },
  )

  test.each(['cli/utils.ts', 'test/chain/util.ts', 'lab/page/utils.mjs'])(
    '%s says nothing of its content',
    (path) => {
      expect(offencesOf({ [path]: '' })).toEqual([expect.stringMatching(/is named for the one concept/)])
    },
  )

  test('built files, packages and documents are not looked at', () => {
    const text = "import '../lab/b.ts'"
    const files = {
      'dist/runtime/A.ts': text,
      'node_modules/x/utils.ts': text,
      'docs/guide/Example.ts': text,
      'vitest.config.ts': text,
    }
    expect(offencesOf(files)).toEqual([])
  })
})
