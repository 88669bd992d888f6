import { fileURLToPath } from 'node:url'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import { checkTransport } from '../../client/transport/open.ts'
import { FAULT_KINDS, type FaultKind } from '../../lab/torture/faults.ts'
import { UsageError } from '../arguments.ts'

const options = {
  minutes: { type: 'number', default: 2, describe: 'How long faults come' },
  seed: { type: 'number', describe: 'Plans the faults. Default: drawn, and printed' },
  faults: {
    type: 'string',
    describe: `Which, comma-separated: ${FAULT_KINDS.join(', ')}. Default: all that this machine allows`,
  },
  clients: { type: 'number', default: 8, describe: 'Clients: half of them with sessions, half without' },
  servers: { type: 'number', default: 3, describe: 'Data servers' },
  chains: { type: 'number', default: 2, describe: 'Chains' },
  transport: { type: 'string', default: 'tcp', describe: 'tcp, or nats://host:port' },
  data: {
    type: 'string',
    describe:
      'Keep the data of the processes in this directory. Default: a temporary one, removed at the end',
  },
  out: {
    type: 'string',
    describe: 'Write the history here. Default: only where it is wrong, to a temporary directory',
  },
} as const

export const tortureCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'torture',
  describe: 'Run a cluster on this machine under faults of every kind, and judge what its clients saw',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 torture', 'two minutes of everything that this machine allows')
      .example(
        '$0 torture --faults kill,pause --minutes 10 --seed 7',
        'kills and pauses alone, planned by this seed',
      )
      .example('sudo $0 torture --faults partition,disk-full,power-cut', 'these need root')
      .epilogue(
        'Ends with status 0: linearizable, and back to full strength. 1: not. 3: the checker could not tell.',
      ) as never,
  handler: async (args) => {
    const { runTorture } = await import('../torture/run-torture.ts')
    checkTransport(args.transport)
    const seed = args.seed ?? Math.floor(Math.random() * 2 ** 32)
    const status = await runTorture({
      entry: fileURLToPath(new URL('../main.js', import.meta.url)),
      durationMs: 60_000 * inRange(args.minutes, '--minutes', { from: 0.1, to: 10_000, whole: false }),
      seed: inRange(seed, '--seed', { from: 0, to: 2 ** 32 - 1 }),
      faults: args.faults === undefined ? null : toFaults(args.faults),
      clients: inRange(args.clients, '--clients', { from: 1, to: 64 }),
      coordinators: 3,
      servers: inRange(args.servers, '--servers', { from: 1, to: 30 }),
      chains: inRange(args.chains, '--chains', { from: 1, to: 64 }),
      transport: args.transport,
      data: args.data ?? null,
      out: args.out ?? null,
      command: `catenary torture --seed ${seed} --minutes ${args.minutes} --clients ${args.clients} --servers ${args.servers} --chains ${args.chains}${args.faults === undefined ? '' : ` --faults ${args.faults}`}${args.transport === 'tcp' ? '' : ` --transport ${args.transport}`}`,
    })
    process.exit(status)
  },
}

function inRange(
  value: number,
  name: string,
  { from, to, whole = true }: { from: number; to: number; whole?: boolean },
): number {
  if (value >= from && value <= to && (!whole || Number.isInteger(value))) return value
  const given = Number.isNaN(value) ? 'what was given is no number' : `not ${value}`
  throw new UsageError(`${name}: use a ${whole ? 'whole ' : ''}number from ${from} to ${to}; ${given}`)
}

function toFaults(text: string): FaultKind[] {
  const words = text.split(',').map((word) => word.trim())
  const kinds = words.map((word) => FAULT_KINDS.find((kind) => kind === word))
  for (const [index, kind] of kinds.entries()) {
    if (kind === undefined)
      throw new UsageError(`--faults: ${JSON.stringify(words[index])} is none of ${FAULT_KINDS.join(', ')}`)
    if (kinds.indexOf(kind) !== index) throw new UsageError(`--faults: ${kind} is named twice`)
  }
  return kinds as FaultKind[]
}
