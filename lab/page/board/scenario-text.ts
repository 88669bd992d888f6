/** A run as lines of text, for a test or a mail: what it is made of, what was done, and what was seen. */
import type { Recording } from './link.ts'
import { checkRecording } from './link.ts'
import { type BoardOptions, DEFAULT_OPTIONS } from './options.ts'
import { isWrong, type Wrong } from './validate.ts'
import type { BoardVerdict } from './view.ts'

const TITLE = 'catenary scenario 1'
const LINES_MAX = 10_000

/** What must be seen again. Null: nothing is expected of it. */
export interface Expected {
  readonly judgement: BoardVerdict['judgement'] | null
  /** Names of broken promises, in order; `bug` where it has none. */
  readonly violations: readonly string[] | null
  /** Only within one version of the code. */
  readonly hash: string | null
}

export interface Scenario extends Recording {
  readonly expected: Expected
}

const violationsOf = ({ violations }: BoardVerdict): readonly string[] =>
  violations.map(({ invariant }) => invariant ?? 'bug')

export function scenarioText(
  { options, actions, untilMs }: Recording,
  seen: { readonly verdict: BoardVerdict; readonly hash: string },
): string {
  const said = Object.entries(options).filter(
    ([name, value]) => name === 'seed' || DEFAULT_OPTIONS[name as keyof BoardOptions] !== value,
  )
  const violations = violationsOf(seen.verdict)
  return [
    TITLE,
    ...said.map(([name, value]) => `option ${name} ${JSON.stringify(value)}`),
    ...actions.map(({ atMs, after, action }) => {
      const count = after === undefined ? '' : ` after ${after}`
      return `at ${atMs}${count} ${JSON.stringify(action)}`
    }),
    `until ${untilMs}`,
    `expect judgement ${seen.verdict.judgement}`,
    `expect violations ${violations.length === 0 ? 'none' : violations.join(' ')}`,
    `expect hash ${seen.hash}`,
    '',
  ].join('\n')
}

/** Never throws. Empty lines and those that begin with # are comments. */
export function parseScenario(text: string): Scenario | Wrong {
  const lines = text.split('\n').map((line) => line.trim())
  if (lines.length > LINES_MAX)
    return { error: `This scenario has ${lines.length} lines; at most ${LINES_MAX} are possible.` }
  const parser = new Parser()
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    const wrong = parser.line(line)
    if (wrong !== null) return { error: `Line ${i + 1} of this scenario: ${wrong}.` }
  }
  const recording = checkRecording(parser.options, parser.actions, parser.untilMs)
  if (isWrong(recording)) return recording
  const { judgement, violations, hash } = parser
  return { ...recording, expected: { judgement, violations, hash } }
}

class Parser {
  readonly options: Record<string, unknown> = {}
  readonly actions: unknown[] = []
  untilMs = 0
  judgement: Expected['judgement'] = null
  violations: readonly string[] | null = null
  hash: string | null = null
  #titled = false

  /** @returns what is wrong, or null. */
  line(line: string): string | null {
    if (!this.#titled) {
      this.#titled = true
      return line === TITLE ? null : `a scenario begins with “${TITLE}”`
    }
    const [word = '', ...rest] = line.split(/\s+/)
    if (word === 'option') return this.#option(rest)
    if (word === 'at') return this.#action(line)
    if (word === 'until') {
      this.untilMs = Number(rest[0])
      return null
    }
    return word === 'expect' ? this.#expect(rest) : 'it begins with option, at, until or expect'
  }

  #option([name = '', ...rest]: readonly string[]): string | null {
    const value = parsed(rest.join(' '))
    if (value === undefined) return `${name}: its value is not JSON`
    this.options[name] = value
    return null
  }

  #action(line: string): string | null {
    const found = /^at\s+([0-9.]+)(?:\s+after\s+([0-9]+))?\s+(\{.*\})$/.exec(line)
    const action = found === null ? undefined : parsed(found[3] ?? '')
    if (found === null || action === undefined) return 'an action is “at 1200 {"type":"crash","node":"n1"}”'
    const atMs = Number(found[1])
    this.actions.push(found[2] === undefined ? { atMs, action } : { atMs, after: Number(found[2]), action })
    return null
  }

  #expect([what, ...rest]: readonly string[]): string | null {
    const [first = ''] = rest
    if (
      what === 'judgement' &&
      (first === 'linearizable' || first === 'not-linearizable' || first === 'unknown')
    )
      this.judgement = first
    else if (what === 'violations') this.violations = first === 'none' ? [] : rest
    else if (what === 'hash') this.hash = first
    else return 'judgement, violations or a hash can be expected'
    return null
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** What was expected and not seen, in words; empty where all was. */
export function missed(
  expected: Expected,
  seen: { readonly verdict: BoardVerdict; readonly hash: string },
): string[] {
  const wrong: string[] = []
  const { judgement, violations, hash } = expected
  if (judgement !== null && judgement !== seen.verdict.judgement)
    wrong.push(`the history is ${seen.verdict.judgement}, not ${judgement}`)
  const broken = violationsOf(seen.verdict)
  if (violations !== null && violations.join(' ') !== broken.join(' '))
    wrong.push(`broken promises: ${broken.join(' ') || 'none'}, not ${violations.join(' ') || 'none'}`)
  if (hash !== null && hash !== seen.hash) wrong.push(`the trace is ${seen.hash}, not ${hash}`)
  return wrong
}
