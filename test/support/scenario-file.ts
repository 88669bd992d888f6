import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Comment, commands, and what they caused. */
export interface ScenarioBlock {
  readonly comment: string
  readonly commands: readonly string[]
  readonly output: string
}

/** A protocol story as text: blocks of commands, `----`, and everything that the cores did. */
export interface ScenarioFile {
  /** The first comment: what is told here. */
  readonly title: string
  readonly text: string
  readonly blocks: readonly ScenarioBlock[]
  write(text: string): void
}

export function scenarioFiles(folder: string): ScenarioFile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => {
      const path = join(folder, name)
      const text = readFileSync(path, 'utf8')
      const blocks = text
        .trim()
        .split(/\n\n+/)
        .map((part) => parseBlock(part, name))
      const title = blocks[0]?.comment.replaceAll(/^# ?/gm, '').replaceAll('\n', ' ').trim() ?? name
      return {
        title: `${name.slice(0, -4)}: ${title}`,
        text,
        blocks,
        write: (rewritten) => writeFileSync(path, rewritten),
      }
    })
}

function parseBlock(text: string, name: string): ScenarioBlock {
  const lines = text.split('\n')
  const rule = lines.indexOf('----')
  if (rule < 0) throw new Error(`${name}: a block has no line "----": ${lines[0]}`)
  const before = lines.slice(0, rule)
  return {
    comment: before.filter((line) => line.startsWith('#')).join('\n'),
    commands: before.filter((line) => !line.startsWith('#')),
    output: lines.slice(rule + 1).join('\n'),
  }
}

export function printScenario(blocks: readonly ScenarioBlock[]): string {
  const texts = blocks.map(({ comment, commands, output }) =>
    [comment, ...commands, '----', output].filter((part) => part !== '').join('\n'),
  )
  return `${texts.join('\n\n')}\n`
}
