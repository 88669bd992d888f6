import { createReadStream, fstatSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Client } from '../../client/index.ts'
import { toWhole } from '../arguments.ts'
import { interrupted, note } from '../output.ts'
import { Importer, OUTSTANDING_BYTES_MAX } from '../records/importer.ts'
import { linesOf, type NumberedLine } from '../records/ndjson.ts'
import { Progress } from '../records/progress.ts'
import { type ImportRecord, parseRecord, RECORD_BYTES_MAX } from '../records/record.ts'
import { storeOptions, withStore } from '../store.ts'

const options = {
  outstanding: { type: 'string', default: '256', describe: 'How many puts may wait for an answer at a time' },
  'skip-bad': { type: 'boolean', default: false, describe: 'Report lines that are no records, and go on' },
  'from-line': { type: 'string', default: '1', describe: 'Pass over the lines before this one' },
  ...storeOptions,
} as const

const positionals = {
  file: { type: 'string', demandOption: true, describe: 'File to read; - is standard input' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const importCommand: CommandModule<object, Arguments> = {
  command: 'import <file>',
  describe: 'Store what a file of JSON lines holds: {"key": ..., "value": ...}',
  builder: (yargs) =>
    yargs
      .positional('file', positionals.file)
      .options(options)
      .example('$0 import users.ndjson', 'with a progress bar on a terminal')
      .example(
        '$0 export - --servers old:7001 | $0 import - --servers new:7001',
        'from one cluster to another',
      )
      .example('$0 import users.ndjson --from-line 50000', 'go on where an import was interrupted')
      .epilogue(
        [
          'One JSON object a line. Bytes that are not UTF-8: keyBase64, valueBase64. Optional: expiresAt, as 2030-01-31T12:00:00Z.',
          'Each line is a put of its own, acknowledged by its whole chain; of lines with the same key the last one wins.',
          'When it ends early, it says from which line on to go on. To import lines again does no harm: it stores the same values again',
          '(at least once), over whatever was written meanwhile.',
        ].join(' '),
      ) as never,
  handler: async (args) => {
    const outstandingMax = toWhole(args.outstanding, '--outstanding', 1)
    const fromLine = toWhole(args['from-line'], '--from-line', 1)
    const source = openSource(args.file)
    const run = { source, outstandingMax, fromLine, skipBad: args['skip-bad'] }
    await withStore(args, (client) => importAll(client, run))
  },
}

interface Source {
  readonly name: string
  readonly stream: Readable
  /** Null where nobody knows how much will come. */
  readonly bytes: number | null
}

interface Run {
  readonly source: Source
  readonly outstandingMax: number
  readonly fromLine: number
  readonly skipBad: boolean
}

function openSource(file: string): Source {
  if (file === '-') return { name: 'standard input', stream: process.stdin, bytes: null }
  const fd = openSync(file, 'r')
  const stat = fstatSync(fd)
  if (stat.isDirectory()) throw new Error(`${file} is a directory; name a file of JSON lines`)
  return { name: file, stream: createReadStream(file, { fd }), bytes: stat.isFile() ? stat.size : null }
}

async function importAll(client: Client, run: Run): Promise<void> {
  const { source, outstandingMax } = run
  const progress = new Progress('importing', source.bytes)
  const importer = new Importer(client, { outstandingMax, outstandingBytesMax: OUTSTANDING_BYTES_MAX })
  let signal: NodeJS.Signals | null = null
  interrupted().then((received) => {
    signal = received
    source.stream.destroy()
  })
  let problem: string | null = null
  let bad = 0
  try {
    bad = await importLines(run, importer, progress)
  } catch (error) {
    // The stream that a signal has destroyed complains of that.
    if (signal === null) problem = (error as Error).message
  }
  await importer.settle()
  progress.records(importer.stored)
  progress.stop()
  note(`imported ${progress.summary}${bad === 0 ? '' : `; bad lines passed over: ${bad}`}`)
  if (importer.error !== null) problem = `${source.name}: ${importer.error.message}`
  const { storedBelow } = importer
  const goOn = `All lines before ${storedBelow} are stored; go on with --from-line ${storedBelow}`
  if (problem !== null) throw new Error(`${problem}\n${goOn}`)
  if (signal === null) return
  note(goOn)
  process.exit(signal === 'SIGTERM' ? 143 : 130)
}

/** Begins a put for each line. Ends early where a put has failed. @returns how many bad lines were passed over. */
async function importLines(
  { source, fromLine, skipBad }: Run,
  importer: Importer,
  progress: Progress,
): Promise<number> {
  let bad = 0
  for await (const line of linesOf(source.stream, RECORD_BYTES_MAX, (count) => progress.addBytes(count))) {
    importer.reach(line.number)
    if (importer.error !== null) break
    const record = line.number < fromLine ? null : recordOf(line)
    if (typeof record === 'string') {
      const complaint = `${source.name}:${line.number}: ${record}`
      if (!skipBad) throw new Error(complaint)
      note(`catenary: passed over ${complaint}`)
      bad++
    } else if (record !== null) await importer.put(line.number, record)
    progress.records(importer.stored)
  }
  return bad
}

/** Null: an empty line. A string: what is wrong with it. */
function recordOf({ bytes }: NumberedLine): ImportRecord | string | null {
  if (bytes === null) return `longer than ${RECORD_BYTES_MAX} bytes`
  return bytes.length === 0 ? null : parseRecord(bytes)
}
