import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CHAPTERS } from '../../lab/page/chapters/chapters.ts'

const GUIDE = join(import.meta.dirname, '..', '..', 'docs', 'guide')
const textOf = (file: string) => readFileSync(join(GUIDE, file), 'utf8')

test('fifteen chapters, numbered, each with its text', () => {
  expect(CHAPTERS.map(({ number }) => number)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1))
  for (const { id, number, file } of CHAPTERS) {
    expect(file).toBe(`${id}.md`)
    expect(id.startsWith(String(number).padStart(2, '0'))).toBe(true)
  }
  expect(new Set(CHAPTERS.map(({ id }) => id)).size).toBe(15)
})

describe.each(CHAPTERS)('$id', (chapter) => {
  const text = textOf(chapter.file)

  test('the text has its title, a question, its scenarios by name, and exercises with hidden solutions', () => {
    expect(text.split('\n')[0]).toBe(`# ${chapter.number} ${chapter.title}`)
    expect(text).toMatch(/\*\*Predict\.\*\*|## Predict/)
    for (const { title } of chapter.scenarios) expect(text, title).toContain(`**${title}**`)
    const [, exercises = ''] = text.split('## Exercises')
    const opened = exercises.split('<details><summary>Solution</summary>').length - 1
    expect(opened).toBeGreaterThanOrEqual(2)
    expect(exercises.split('\n</details>\n').length - 1).toBe(opened)
    expect(text).not.toMatch(/^[ \t]+<\/?details>/m)
  })

  test('is short, and cites a source', () => {
    const words = text.split(/\s+/).length
    expect(words).toBeGreaterThan(300)
    expect(words).toBeLessThan(800)
    if (chapter.number > 1) expect(text).toMatch(/(CR|CRAQ|Raft|ZooKeeper) §|Herlihy/)
  })

  test('the question has an answer', () => {
    const { choices, answer, because, text: asked } = chapter.question
    expect(choices.length).toBeGreaterThanOrEqual(2)
    expect(new Set(choices).size).toBe(choices.length)
    expect(choices[answer]).toBeDefined()
    expect(because.length).toBeGreaterThan(20)
    expect(asked.endsWith('?')).toBe(true)
  })

  test('scenarios have names of their own, and what to watch', () => {
    expect(chapter.scenarios.length).toBeGreaterThan(0)
    expect(new Set(chapter.scenarios.map(({ id }) => id)).size).toBe(chapter.scenarios.length)
    for (const scenario of chapter.scenarios) {
      expect(scenario.watch.length).toBeGreaterThan(0)
      if (scenario.kind === 'board') {
        expect(scenario.untilMs).toBeGreaterThan(scenario.fromMs)
        for (const { atMs } of scenario.actions) expect(atMs).toBeLessThan(scenario.untilMs)
        expect(scenario.actions.map(({ atMs }) => atMs)).toEqual(
          scenario.actions.map(({ atMs }) => atMs).sort((a, b) => a - b),
        )
      }
    }
  })
})

test('every link of the guide leads somewhere', () => {
  for (const file of readdirSync(GUIDE))
    for (const [, target = ''] of textOf(file).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g))
      if (!target.includes('://')) expect(existsSync(join(GUIDE, target)), `${file}: ${target}`).toBe(true)
})

test('the index lists every chapter, and the lecturer is told to run what is there', () => {
  const index = textOf('README.md')
  for (const { file } of CHAPTERS) expect(index).toContain(`](${file})`)
  const titles = CHAPTERS.flatMap(({ scenarios }) => scenarios.map(({ title }) => title))
  const [, table = ''] = textOf('lecturer.md').split('## 80 minutes')
  const [plan = ''] = table.split('## How to ask')
  const named = [...plan.matchAll(/\*([A-Z][^*]+)\*/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(8)
  for (const name of named) expect(titles).toContain(name)
})
