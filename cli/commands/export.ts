import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Client } from '../../client/index.ts'
import { Lines, note } from '../output.ts'
import { Progress } from '../records/progress.ts'
import { recordLine } from '../records/record.ts'
import { storeOptions, withStore } from '../store.ts'

const options = {
  prefix: { type: 'string', default: '', requiresArg: true, describe: 'Only keys that begin with this' },
  overwrite: { type: 'boolean', default: false, describe: 'Replace the file if there is one' },
  ...storeOptions,
} as const

const positionals = {
  file: { type: 'string', demandOption: true, describe: 'File to write; - is standard output' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const exportCommand: CommandModule<object, Arguments> = {
  command: 'export <file>',
  describe: 'Write all keys and values as JSON lines, for import',
  builder: (yargs) =>
    yargs
      .positional('file', positionals.file)
      .options(options)
      .example('$0 export all.ndjson', 'everything')
      .example('$0 export - --prefix user: | gzip > users.ndjson.gz', 'a part, compressed')
      .epilogue(
        [
          'Strong reads, page by page, in the order of the keys. Each page of a chain is a snapshot, the whole is not: what is written',
          'meanwhile may be in it or not. Whatever was acknowledged before the export began, and not changed since, is in it.',
        ].join(' '),
      ) as never,
  handler: async (args) => withStore(args, (client) => exportAll(client, args)),
}

async function exportAll(client: Client, { file, prefix, overwrite }: Arguments): Promise<void> {
  const target = file === '-' ? null : await openTarget(file, overwrite)
  const lines = new Lines(target ?? process.stdout)
  const progress = new Progress('exporting', null)
  let count = 0
  const restoreTerminal = () => progress.stop()
  process.once('exit', restoreTerminal)
  const onSignal = () => {
    note(`\n${file === '-' ? 'the output' : file} is incomplete: interrupted after ${count} records`)
    process.exit(130)
  }
  process.once('SIGINT', onSignal)
  try {
    for await (const item of client.scan({ prefix })) {
      await lines.line(recordLine(item))
      progress.records(++count)
    }
    await lines.flush()
    if (target !== null) {
      target.end()
      await finished(target)
    }
  } catch (error) {
    const where = target === null ? 'the output' : file
    throw new Error(`${(error as Error).message}\n${where} is incomplete: it ends after ${count} records`, {
      cause: error,
    })
  } finally {
    progress.stop()
    process.off('exit', restoreTerminal)
    process.off('SIGINT', onSignal)
  }
  note(`exported ${progress.summary}`)
}

/** Refuses to replace what is there, unless asked to. */
function openTarget(file: string, overwrite: boolean): Promise<WriteStream> {
  const stream = createWriteStream(file, { flags: overwrite ? 'w' : 'wx' })
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream))
    stream.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EEXIST' ? new Error(`${file} exists: --overwrite replaces it`) : error)
    })
  })
}
