import { describe, expect, test } from 'vitest'
import { runScript, tree } from './tree.ts'

// Invented names, so that this file does not pass for a test of a real invariant.
const WELL = {
  'protocol/invariants.ts': `
    export const INVARIANTS = {
      NoRust: 'a link isn\\'t rusty', // shiny
      'EvenCount': 'links come ' +
        'in pairs',
    } as const
  `,
  'docs/INVARIANTS.md':
    '# Invariants\n\n## NoRust\n\n**A link isn’t** rusty.\n\nAsserted in `chain/a.ts`.\n\n## EvenCount\nlinks come\nin pairs\n'.replace(
      '’',
      "'",
    ),
  'chain/a.ts': "invariant('NoRust', true, () => '')\ninvariant('EvenCount', true, () => '')",
  'test/chain/a.test.ts': "test('NoRust holds', () => {})",
  'test/scenarios/b.txt': '# EvenCount',
}

function offencesOf(
  changes: Readonly<Record<string, string>>,
  without: readonly string[] = [],
): readonly string[] {
  const files = Object.fromEntries(
    Object.entries({ ...WELL, ...changes }).filter(([path]) => !without.includes(path)),
  )
  const { status, lines } = runScript('check-invariants.mjs', '--root', tree(files))
  expect(lines.at(-1)).toMatch(/^invariants: /)
  expect(status).toBe(lines.length > 1 ? 1 : 0)
  return lines.slice(0, -1)
}

test('table, page, code and tests that agree pass', () => {
  expect(offencesOf({})).toEqual([])
})

describe('the table', () => {
  test('is missing', () => {
    expect(offencesOf({}, ['protocol/invariants.ts'])).toEqual([
      expect.stringMatching(/^protocol\/invariants\.ts:1: there is no such file/),
    ])
  })

  test('is not a literal', () => {
    expect(offencesOf({ 'protocol/invariants.ts': 'export const INVARIANTS = make()' })).toHaveLength(1)
    expect(offencesOf({ 'protocol/invariants.ts': 'export const INVARIANTS = {\n A: b,\n}' })).toEqual([
      'protocol/invariants.ts:2: after A expected a colon and a plain string, the statement',
    ])
  })
})

describe('the page', () => {
  const page = (text: string) => offencesOf({ 'docs/INVARIANTS.md': text })

  test('is missing: names all sections that it needs', () => {
    expect(offencesOf({}, ['docs/INVARIANTS.md'])).toEqual([
      expect.stringMatching(/^docs\/INVARIANTS\.md:1: .*NoRust, EvenCount$/),
    ])
  })

  test('lacks a section', () => {
    expect(page("## NoRust\na link isn't rusty\n")).toEqual([
      'protocol/invariants.ts:4: EvenCount has no section in docs/INVARIANTS.md; add "## EvenCount" that opens with: links come in pairs',
    ])
  })

  test('has another statement, an unknown name, a name twice, a file that is gone', () => {
    const text = `${WELL['docs/INVARIANTS.md']}\n## NoRust\na link is rusty\n## Shine\n\n\`chain/gone.ts\`\n`
    expect(page(text.replace('in pairs', 'in threes'))).toEqual([
      'docs/INVARIANTS.md:9: EvenCount opens with "links come in threes", but protocol/invariants.ts says "links come in pairs"',
      'docs/INVARIANTS.md:13: NoRust has a second section',
      'docs/INVARIANTS.md:15: "Shine" is not a name in protocol/invariants.ts',
      'docs/INVARIANTS.md:17: Shine mentions chain/gone.ts, which does not exist',
    ])
  })

  test('may show headings in a fenced block', () => {
    expect(page(`${WELL['docs/INVARIANTS.md']}\n\`\`\`\n## Shine\n\`\`\`\n`)).toEqual([])
  })
})

test('an invariant that only a comment names is not asserted', () => {
  const code = "invariant('EvenCount', true, () => '') // 'NoRust'"
  expect(offencesOf({ 'chain/a.ts': code })).toEqual([
    expect.stringMatching(/^protocol\/invariants\.ts:3: NoRust is asserted nowhere/),
  ])
})

test('an invariant must be named by a test', () => {
  expect(offencesOf({ 'test/chain/a.test.ts': "test('NoRustAtAll', () => {})" })).toEqual([
    expect.stringMatching(/^protocol\/invariants\.ts:3: NoRust is named by no test/),
  ])
})
