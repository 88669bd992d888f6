import type { CommandModule, InferredOptionTypes } from 'yargs'
import { DURABILITIES } from '../../protocol/cluster.ts'

const options = {
  data: {
    type: 'string',
    describe: 'Keep the data in this directory. Default: a temporary one, removed at the end',
  },
  exit: {
    type: 'boolean',
    default: false,
    describe: 'Leave when done; the status tells whether anything was lost',
  },
  durability: { choices: DURABILITIES, default: 'sync' as const, describe: 'When a write counts as durable' },
  transport: { type: 'string', default: 'tcp', describe: 'tcp, or nats://host:port' },
  cities: {
    type: 'number',
    default: Number.POSITIVE_INFINITY,
    describe: 'Import only so many',
    defaultDescription: 'all 171,075',
  },
} as const

export const demoCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'demo',
  describe: 'Start a cluster on this machine, load real data, kill every part of it, and count what was lost',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 demo', 'stays up until Ctrl-C')
      .example('$0 demo --exit', 'for scripts: status 0 if nothing was lost')
      .example('$0 demo --data ./demo --durability memory', 'keep the data; do not wait for disks') as never,
  handler: async ({ data, exit, durability, transport, cities }) => {
    const { runDemo } = await import('../demo/demo.ts')
    // By exit: where the user interrupted it, the load is still waiting for a cluster that is gone.
    process.exit(await runDemo({ data: data ?? null, exit, durability, transport, cities }))
  },
}
