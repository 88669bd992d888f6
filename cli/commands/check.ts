import type { CommandModule, InferredOptionTypes } from 'yargs'
import { MODEL_NAMES } from '../../lab/checker/formats/ndjson.ts'
import { toDuration, UsageError } from '../arguments.ts'

const options = {
  model: {
    choices: MODEL_NAMES,
    describe: 'Judge by this model. Default: the one that the file names, or its format has',
  },
  partition: {
    type: 'boolean',
    default: true,
    describe: 'Judge independent keys one by one; --no-partition says the same, more slowly',
  },
  html: {
    type: 'string',
    requiresArg: true,
    describe: 'Write a page that shows the operations on a time line',
  },
  timeout: {
    type: 'string',
    requiresArg: true,
    describe: 'Give up after this long: seconds, or 500ms, 10s, 5m. Default: never',
  },
  memory: { type: 'number', default: 1024, describe: 'MiB for remembered configurations; then give up' },
  json: { type: 'boolean', default: false, describe: 'Print one JSON object a file' },
} as const

const positionals = {
  files: { type: 'string', array: true, demandOption: true, describe: 'Histories; - is standard input' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const checkCommand: CommandModule<object, Arguments> = {
  command: 'check <files..>',
  describe: 'Judge a recorded history: is it linearizable?',
  builder: (yargs) =>
    yargs
      .positional('files', positionals.files)
      .options(options)
      .example('$0 check history.ndjson', 'the verdict, and what is wrong where something is')
      .example('$0 check --html wrong.html history.ndjson', 'a page to look at')
      .example('$0 check jepsen-etcd/*.log --json', 'logs of Jepsen tests of a register, too')
      .example('gunzip -c big.ndjson.gz | $0 check --timeout 60 -', 'for a minute at most')
      .epilogue(
        [
          'Formats are told by their first line: ours (docs/CHECKER.md), logs of Jepsen, maps in EDN.',
          'Ends with status 0: linearizable. 1: not. 2: a file cannot be read, or is no history. 3: a limit came first, so nobody knows.',
          'Of several files the worst counts: 1, then 2, then 3.',
        ].join('\n'),
      ) as never,
  handler: async ({ files, model, partition, html, timeout, memory, json }) => {
    if (html !== undefined && files.length > 1)
      throw new UsageError('--html shows one history: name one file')
    if (!(memory >= 1)) throw new UsageError('--memory: use a number of MiB from 1 on')
    const { checkFiles } = await import('../check/check-files.ts')
    process.exitCode = await checkFiles(files, {
      model: model ?? null,
      partition,
      html: html ?? null,
      timeoutMs: timeout === undefined ? null : secondsOrDuration(timeout),
      cacheBytesMax: memory * 1024 ** 2,
      json,
    })
  },
}

/** A bare number is seconds. */
function secondsOrDuration(text: string): number {
  return toDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text, '--timeout')
}
