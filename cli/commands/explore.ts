import type { CommandModule, InferredOptionTypes } from 'yargs'
import { CHAIN_SCOPE } from '../../lab/explore/chain/scope.ts'
import { WRONG_CHAINS } from '../../lab/explore/chain/wrong.ts'
import { RAFT_SCOPE } from '../../lab/explore/raft/model.ts'
import { WRONG_RAFTS } from '../../lab/explore/raft/wrong.ts'
import { UsageError } from '../arguments.ts'
import { exploreChain, exploreRaft } from '../explore/explore.ts'

const options = {
  members: { type: 'number', default: 3, describe: 'Of the chain, or of the ensemble' },
  writes: { type: 'number', default: CHAIN_SCOPE.writes, describe: 'chain: writes of clients' },
  reads: {
    type: 'number',
    default: CHAIN_SCOPE.reads,
    describe:
      'chain: strong reads that may have to ask the tail; those answered at once are judged everywhere',
  },
  joins: { type: 'number', default: CHAIN_SCOPE.joins, describe: 'chain: spare servers, which join' },
  lapses: {
    type: 'number',
    default: 0,
    describe: 'chain: living servers that are cut off from the coordinator',
  },
  restarts: { type: 'number', default: 0, describe: 'chain: crashed or cut-off servers that come back' },
  hasty: { type: 'number', default: 0, describe: 'chain: retries that come too early' },
  snapshots: { type: 'boolean', default: false, describe: 'chain: who is behind needs a snapshot' },
  holds: {
    type: 'number',
    default: 0,
    describe:
      'chain: at most so many things are held up, however long; what is not a request or a fault is in one order otherwise',
  },
  'every-order': {
    type: 'boolean',
    default: false,
    describe: 'chain: every order of everything, instead of --holds; with a join this does not end',
  },
  crashes: { type: 'number', default: 1, describe: 'Processes that crash' },
  entries: { type: 'number', default: RAFT_SCOPE.entries, describe: 'raft: commands that are proposed' },
  campaigns: { type: 'number', default: RAFT_SCOPE.campaigns, describe: 'raft: elections that are called' },
  heartbeats: { type: 'number', default: RAFT_SCOPE.heartbeats, describe: 'raft: rounds of heartbeats' },
  network: {
    choices: ['fifo', 'any'] as const,
    default: RAFT_SCOPE.network,
    describe: 'raft: whether messages of one link may overtake each other',
  },
  depth: { type: 'number', describe: 'Stop after so many steps from the beginning' },
  minutes: { type: 'number', default: 10, describe: 'Stop after so long' },
  states: {
    type: 'number',
    default: 20_000_000,
    describe: 'Stop after so many states; a million need about 50 MB',
  },
  fault: {
    type: 'string',
    describe: 'Break one rule, in the smallest scope that shows it, and print the shortest way to the damage',
  },
  json: { type: 'boolean', default: false, describe: 'One JSON object instead of words' },
} as const

type Arguments = InferredOptionTypes<typeof options> & { readonly what: 'chain' | 'raft' }

export const exploreCommand: CommandModule<object, Arguments> = {
  command: 'explore <what>',
  describe:
    'Visit every state of a small chain, or of a small Raft ensemble, and check what must hold in each',
  builder: (yargs) =>
    yargs
      .positional('what', { choices: ['chain', 'raft'] as const, describe: 'Whose core', demandOption: true })
      .options(options)
      .example(
        '$0 explore chain',
        'three members, two writes, a read, a crash, a join: requests and faults at any moment, the rest in one order',
      )
      .example('$0 explore chain --members 2 --writes 1 --holds 1', 'smaller, and one thing is held up')
      .example(
        '$0 explore chain --joins 0 --every-order',
        'three members, two writes, a read, a crash: every order, to the end',
      )
      .example('$0 explore chain --fault handoff-to-commit', 'what happens without one of the rules')
      .example('$0 explore raft', 'three members, two entries, a crash, two elections')
      .epilog(
        'Status: 0 nothing was broken, 1 something was (a shortest way to it is printed; with --holds it may be some holds longer).',
      ) as never,
  handler: async (argv) => {
    const limits = {
      depthMax:
        argv.depth === undefined ? Number.POSITIVE_INFINITY : whole(argv.depth, '--depth', 1, 1_000_000),
      statesMax: whole(argv.states, '--states', 1, 1_000_000_000),
      minutes: argv.minutes,
      json: argv.json,
    }
    if (!(argv.minutes > 0)) throw new UsageError(`--minutes: use a number above 0; not ${argv.minutes}`)
    if (argv.what === 'chain') {
      const wrong = wrongOf(WRONG_CHAINS, argv.fault)
      const scope = wrong === null ? chainScope(argv) : { ...CHAIN_SCOPE, ...wrong.scope }
      await exploreChain(scope, limits, wrong)
    } else {
      const wrong = wrongOf(WRONG_RAFTS, argv.fault)
      await exploreRaft(wrong === null ? raftScope(argv) : { ...RAFT_SCOPE, ...wrong.scope }, limits, wrong)
    }
  },
}

function wrongOf<Wrong>(known: Readonly<{ [name: string]: Wrong }>, name: string | undefined): Wrong | null {
  if (name === undefined) return null
  const wrong = Object.hasOwn(known, name) ? known[name] : undefined
  if (wrong !== undefined) return wrong
  throw new UsageError(`--fault ${JSON.stringify(name)}: use one of ${Object.keys(known).join(', ')}`)
}

function chainScope(argv: Arguments) {
  const members = whole(argv.members, '--members', 1, 4)
  const joins = whole(argv.joins, '--joins', 0, 2)
  const everyOrder = argv['every-order']
  if (!everyOrder && members + joins > 4)
    throw new UsageError('--members and --joins: at most four servers together, unless --every-order')
  return {
    members,
    joins,
    writes: whole(argv.writes, '--writes', 0, 9),
    reads: whole(argv.reads, '--reads', 0, 9),
    crashes: whole(argv.crashes, '--crashes', 0, 9),
    lapses: whole(argv.lapses, '--lapses', 0, 9),
    restarts: whole(argv.restarts, '--restarts', 0, 9),
    hasty: whole(argv.hasty, '--hasty', 0, 9),
    snapshots: argv.snapshots,
    holds: everyOrder ? null : whole(argv.holds, '--holds', 0, 20),
  }
}

const raftScope = (argv: Arguments) => ({
  members: whole(argv.members, '--members', 1, 5),
  entries: whole(argv.entries, '--entries', 0, 9),
  crashes: whole(argv.crashes, '--crashes', 0, 9),
  campaigns: whole(argv.campaigns, '--campaigns', 1, 9),
  heartbeats: whole(argv.heartbeats, '--heartbeats', 0, 9),
  network: argv.network,
})

function whole(value: number, what: string, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new UsageError(`${what}: use a whole number from ${min} to ${max}; not ${value}`)
}
