import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { gradeModule, gradeText, NotGradable } from '../../lab/grade/grade.ts'
import { loadStudent } from '../../lab/grade/load-student.ts'
import * as lab1 from './solutions/lab-1.ts'
import * as lab2 from './solutions/lab-2.ts'
import * as lab3 from './solutions/lab-3.ts'
import * as lab4 from './solutions/lab-4.ts'

const grade1 = (mutant: (typeof lab1.MUTANTS)[number] | null) =>
  gradeModule({ lab: 1, createReplica: lab1.solution(mutant) })
const grade2 = (mutant: (typeof lab2.MUTANTS)[number] | null) =>
  gradeModule({ lab: 2, createReplica: lab2.solution(mutant) })
const grade3 = (mutant: (typeof lab3.MUTANTS)[number] | null) =>
  gradeModule({ lab: 3, createReplica: lab3.solution(mutant) })
const grade4 = (mutant: (typeof lab4.MUTANTS)[number] | null) =>
  gradeModule({ lab: 4, ...lab4.solution(mutant) })

describe('a right solution passes', () => {
  test.each([grade1, grade2, grade3, grade4])('lab %#', (grade) => {
    const found = grade(null)
    expect(gradeText(found)).toContain('PASSED')
    expect(found.runs).toBeGreaterThan(100)
  })
})

const PROPERTIES: Readonly<Record<string, string>> = {
  'head-answers': 'an acknowledged write is at every member',
  'middle-keeps': 'every request is answered',
  overtaking: 'every request is answered',
  'tail-stores-nothing': 'linearizability',
  newest: 'linearizability',
  'old-clean': 'linearizability',
  'always-ask': 'a clean read is local (CRAQ §2.3)',
  'no-ack': 'a clean read is local (CRAQ §2.3)',
  'newest-after-asking': 'linearizability',
  'no-resend': 'every request is answered',
  'serves-before-handoff': 'linearizability',
  'new-tail-silent': 'every request is answered',
  'no-fence': 'linearizability',
  'never-caught-up': 'a joiner becomes a member',
  'one-at-a-time': 'back up by terms, not by entries (Raft §5.3)',
  truncates: 'an old message takes nothing away (Raft figure 2, step 3 of AppendEntries)',
  'no-check': 'the consistency check (Raft §5.3)',
  'match-too-far': 'match claims no more than was compared',
  'adds-on-refusal': 'a refusal adds nothing',
}

describe('each mutant fails, and the trace says why', () => {
  const cases = [
    ...lab1.MUTANTS.map((name) => [name, () => grade1(name)] as const),
    ...lab2.MUTANTS.map((name) => [name, () => grade2(name)] as const),
    ...lab3.MUTANTS.map((name) => [name, () => grade3(name)] as const),
    ...lab4.MUTANTS.map((name) => [name, () => grade4(name)] as const),
  ]
  test.each(cases)('%s', (name, grade) => {
    const found = grade()
    if (found.passed) throw new Error('it passed')
    if (process.env['SHOW'] !== undefined) console.log(`${name}\n${gradeText(found)}`)
    expect(found.property).toBe(PROPERTIES[name])
    expect(found.steps.length).toBeGreaterThan(0)
    expect(found.steps.length).toBeLessThan(60)
    if (found.property === 'linearizability') expect(found.html).toContain('<!doctype html>')
    expect(grade(), 'the same code gets the same grade').toEqual(found)
  })
})

describe('what a student may hand in', () => {
  test('a file that says too little', () => {
    expect(() => gradeModule({})).toThrow(NotGradable)
    expect(() => gradeModule({ lab: 5 })).toThrow('which lab')
    expect(() => gradeModule({ lab: 1 })).toThrow('createReplica')
    expect(() => gradeModule({ lab: 4, onAppendEntries: () => {} })).toThrow('nextIndexAfter')
  })

  test('code that throws, sends what no network carries, or never falls silent', () => {
    const silent = { onConfig() {}, onPut() {}, onGet() {}, onMessage() {}, log: () => [] }
    const breaks = () => void (undefined as unknown as string).length
    const broken = [{ ...silent, onPut: breaks, onGet: breaks }, { ...silent, log: () => 'no list' }, null]
    for (const replica of broken) {
      const found = gradeModule({ lab: 1, createReplica: () => replica })
      expect(found).toMatchObject({ passed: false, property: 'the code runs' })
    }
    const echo = (_: string, out: { send(to: string, message: unknown): void }) => ({
      ...silent,
      onGet: () => out.send('n2', 1),
      onPut: () => out.send('n2', 1),
      onMessage: (from: string) => out.send(from, 1),
    })
    expect(gradeModule({ lab: 1, createReplica: echo })).toMatchObject({
      property: 'the network becomes quiet',
    })
    const odd = (_: string, out: { send(to: string, message: unknown): void }) => ({
      ...silent,
      onGet: () => out.send('n2', () => 1),
      onPut: () => out.send('n2', () => 1),
    })
    expect(gradeModule({ lab: 1, createReplica: odd })).toMatchObject({ property: 'the code runs' })
    expect(gradeModule({ lab: 4, onAppendEntries: () => null, nextIndexAfter: () => 0 })).toMatchObject({
      passed: false,
    })
  })

  test('a skeleton as it is: it loads, and fails kindly', async () => {
    const folder = 'docs/labs/skeletons'
    const [first = ''] = readdirSync(folder).sort()
    expect(gradeModule(await loadStudent(join(folder, first)))).toMatchObject({
      passed: false,
      detail: expect.stringContaining('your turn'),
    })
  })

  test('a file that cannot be loaded', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'grade-'))
    try {
      writeFileSync(join(directory, 'broken.mjs'), 'export const lab = ')
      await expect(loadStudent(join(directory, 'broken.mjs'))).rejects.toThrow('cannot be loaded')
      await expect(loadStudent(join(directory, 'none.ts'))).rejects.toThrow('there is no file')
      await expect(loadStudent('README.md')).rejects.toThrow('wants .ts')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
