import { writeFile } from 'node:fs/promises'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Grade } from '../../../lab/grade/contract.ts'
import { toDuration, UsageError } from '../../arguments.ts'
import { note, say, sayJson } from '../../output.ts'

const options = {
  html: {
    type: 'string',
    requiresArg: true,
    describe: 'Where clients saw something wrong: write a page that shows it',
  },
  link: {
    type: 'boolean',
    default: false,
    describe: 'Print an address at which the page shows the run that failed, step by step',
  },
  timeout: { type: 'string', default: '60s', describe: 'Give up on code that does not come to an end' },
  json: { type: 'boolean', default: false, describe: 'Print JSON, for other programs' },
} as const

/** Of the built page, which opens from disk. */
async function pageLink(grade: Grade & { readonly passed: false }): Promise<string> {
  const { LABS } = await import('../../../lab/grade/contract.ts')
  const { encodeTrace } = await import('../../../lab/page/stage/trace.ts')
  const title = `lab ${grade.lab}, ${LABS[grade.lab - 1]}`
  const failure = `${grade.property}: ${grade.detail}`
  const page = new URL('../../../page/index.html', import.meta.url)
  return `${page}#trace=${encodeTrace({ title, failure, steps: grade.steps })}`
}

const positionals = {
  file: { type: 'string', demandOption: true, describe: 'The student’s file, .ts or .js' },
} as const

export const gradeCommand: CommandModule<object, InferredOptionTypes<typeof options & typeof positionals>> = {
  command: 'grade <file>',
  describe: 'Grade a student’s replica (docs/labs): many runs in a simulated network, and a judge',
  builder: (yargs) =>
    yargs
      .positional('file', positionals.file)
      .options(options)
      .example('$0 lab grade ./my-replica.ts', 'which property fails, and the shortest run that shows it')
      .example('$0 lab grade ./my-replica.ts --link', 'the same, and an address at which to see it')
      .epilogue('Ends with status 0: passed. 1: failed. 2: the file cannot be graded.') as never,
  handler: async ({ file, html, link, timeout, json }) => {
    const timeoutMs = toDuration(timeout, '--timeout')
    const { gradeFile } = await import('../../../lab/grade/grade-file.ts')
    const { gradeText, NotGradable } = await import('../../../lab/grade/grade.ts')
    const grade = await gradeFile(file, timeoutMs).catch((error: Error) => {
      throw error instanceof NotGradable ? new UsageError(error.message) : error
    })
    if (json) sayJson(grade)
    else say(gradeText(grade))
    if (grade.passed) return
    process.exitCode = 1
    if (link) say(`\n${await pageLink(grade)}`)
    if (html === undefined) return
    if (grade.html === null) return note('clients saw nothing wrong in that run: no page was written')
    await writeFile(html, grade.html)
    note(`wrote ${html}`)
  },
}
