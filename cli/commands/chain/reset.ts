import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient } from '../../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { resetChain } from '../../../coordinator/manager/reset.ts'
import type { ManagerView, ResetOrder } from '../../../coordinator/manager/view.ts'
import { memberOf } from '../../../protocol/chain-config.ts'
import { asChainId, asMillis, asServerId } from '../../../protocol/ids.ts'
import { resetPath } from '../../../runtime/manager/znodes.ts'
import { UsageError } from '../../arguments.ts'
import { membersText } from '../../cluster-status.ts'
import {
  type ChainZnode,
  type ClusterTree,
  knownServers,
  readChain,
  readClusterTree,
} from '../../cluster-tree.ts'
import { ensembleOptions, withEnsemble } from '../../ensemble.ts'
import { interrupted, note, say, table } from '../../output.ts'

const options = {
  to: {
    type: 'string',
    demandOption: true,
    requiresArg: true,
    describe: 'The server whose data the chain shall go on with',
  },
  yes: { type: 'boolean', default: false, describe: 'Do not ask' },
  ...ensembleOptions,
} as const

const positionals = {
  chain: { type: 'string', demandOption: true, describe: 'The chain, such as c0' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const resetCommand: CommandModule<object, Arguments> = {
  command: 'reset <chain>',
  describe: 'GIVE UP data: let a chain whose members are lost go on with what one server holds',
  builder: (yargs) =>
    yargs
      .positional('chain', positionals.chain)
      .options(options)
      .example('$0 chain reset c0 --to n2', 'shows what every server holds of c0, then asks')
      .example('$0 chain reset c0 --to n2 --yes', 'for those who have looked already')
      .epilogue(
        [
          'A chain never goes on without its last serving member: only that one is sure to hold every acknowledged write. Where it is gone',
          'for good, this command makes another server the only member, with whatever it holds. ACKNOWLEDGED WRITES MAY BE LOST.',
          'It is refused while a member of the chain lives. Try to start the old members first: they come back by themselves.',
        ].join(' '),
      ) as never,
  handler: async (args) => withEnsemble(args, (client) => reset(client, args), { endless: true }),
}

async function reset(client: CoordinatorClient, { chain, to, yes }: Arguments): Promise<void> {
  const tree = await readClusterTree(client)
  const znode = tree.chains.find((other) => other.chain === chain)
  if (znode === undefined) {
    throw new Error(
      `there is no chain ${chain}; there are ${tree.chains.map((other) => other.chain).join(', ')}`,
    )
  }
  const seed = tree.servers.get(to)
  note(candidatesText(tree, znode))
  if (seed === undefined) throw new Error(`${to} is not registered (${knownServers(tree)}): start it first`)
  const order: ResetOrder = { server: asServerId(to), incarnation: seed.incarnation }
  const outcome = foresee(tree, znode, order)
  if ('refused' in outcome) throw new Error(outcome.refused)
  note(`\nACKNOWLEDGED WRITES MAY BE LOST.\n${outcome.reason}.\n`)
  if (!yes) await confirm(chain)
  await writeOrder(client, chain, JSON.stringify(order))
  await untilTaken(client, chain)
  const { config = null } = (await readChain(client, chain)) ?? {}
  if (config === null || config.epoch < outcome.config.epoch || memberOf(config, order.server) === null) {
    throw new Error(`the manager has refused: its log says why; ${chain} is as it was`)
  }
  say(`${chain}, epoch ${config.epoch}: ${membersText(config.members, config.joining)}`)
}

/** The manager deletes the order in the same transaction in which it obeys it; or alone, where it refuses. */
async function untilTaken(client: CoordinatorClient, chain: string): Promise<void> {
  const path = resetPath(chain)
  interrupted().then(() => {
    note(`The order stands; catenary znode delete ${path} takes it back`)
    process.exit(130)
  })
  note('The order is given; waiting for the manager.')
  await new Promise<void>((resolve) => {
    const stop = client.watchData(path, (znode) => {
      if (znode !== null) return
      stop()
      resolve()
    })
  })
}

/** Whoever could seed the chain, with what it holds, the most first. */
export function candidatesText(tree: ClusterTree, { chain, config }: ChainZnode): string {
  const rows = [...tree.servers.values()].map((server) => {
    const held = server.holds[asChainId(chain)]
    const member = config?.members.find((other) => other.server === server.server)
    const role =
      member === undefined
        ? ''
        : member.incarnation === server.incarnation
          ? 'a member, alive'
          : 'a member, restarted'
    return { server: server.server as string, held, role }
  })
  rows.sort((a, b) => {
    const [x, y] = [a.held, b.held]
    return (y?.epoch ?? -1) - (x?.epoch ?? -1) || (y?.last ?? -1) - (x?.last ?? -1)
  })
  const silent = config?.members.filter((member) => !tree.servers.has(member.server)) ?? []
  return [
    `${chain}${config === null ? ': no configuration' : `, epoch ${config.epoch}: ${membersText(config.members, config.joining)}`}`,
    table(
      ['server', 'last', 'of epoch', 'commit', 'in the chain'],
      [
        ...rows.map(({ server, held, role }) =>
          held === undefined
            ? [server, '', '', '', `${role === '' ? '' : `${role}; `}holds nothing of it`]
            : [server, held.last, held.epoch, held.commit, role],
        ),
        ...silent.map((member) => [
          member.server,
          '',
          '',
          '',
          'a member, not registered: what it holds cannot be known',
        ]),
      ],
    ),
  ].join('\n')
}

/** What the manager will do, by its own rules. */
export function foresee(tree: ClusterTree, { chain, config, dataVersion }: ChainZnode, order: ResetOrder) {
  const view: ManagerView = {
    nowMs: asMillis(0),
    electedAtMs: asMillis(0),
    options: tree.options,
    servers: new Map([...tree.servers].map(([id, server]) => [asServerId(id), server])),
    chains: new Map(),
    drains: new Set(),
  }
  const index = tree.chains.findIndex((other) => other.chain === chain)
  return resetChain(view, asChainId(chain), { config, dataVersion, reports: [], reset: order }, index)
}

async function confirm(chain: string): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageError('there is no terminal to ask at: say --yes')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  terminal.once('SIGINT', () => process.exit(130))
  const closed = once(terminal, 'close').then(() => '')
  const question = `Type the name of the chain (${chain}) to go on, anything else to leave it as it is: `
  const typed = await Promise.race([terminal.question(question), closed])
  terminal.close()
  if (typed.trim() !== chain) throw new Error('nothing was changed')
}

async function writeOrder(client: CoordinatorClient, chain: string, json: string): Promise<void> {
  try {
    await client.create(resetPath(chain), json)
  } catch (error) {
    if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    await client.setData(resetPath(chain), json)
  }
}
