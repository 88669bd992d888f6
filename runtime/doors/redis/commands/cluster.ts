/** CLUSTER: chains as Redis Cluster would show them. */
import { asKey, type ServerId } from '../../../../protocol/ids.ts'
import { SLOT_COUNT, type SlotRange, slotOf } from '../../../../protocol/slots.ts'
import type { Answer, Command } from '../command.ts'
import { ReplyError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import type { ClusterNode, Topology } from '../topology.ts'
import { byName, type Subcommands } from './container.ts'
import { keysInSlot } from './scanning.ts'

/** Redis's members also speak with each other on a port that is so much higher. Ours do not; the field has to be there. */
const BUS_OFFSET = 10_000

function sayNode(topology: Topology, server: ServerId, reply: ReplyWriter): void {
  const address = topology.addressOf(server)
  reply.array(4)
  reply.text(address?.host ?? '')
  reply.integer(address?.port ?? 0)
  reply.text(topology.idOf(server))
  reply.array(0)
}

function slots({ door: { topology } }: Session, _: Args, reply: ReplyWriter): void {
  const ranges = topology.routes.flatMap(({ config }) => {
    const members = topology.membersOf(config)
    const headKnown = members[0] === config.members[0]?.server
    return headKnown ? config.slots.map((range) => ({ range, members })) : []
  })
  ranges.sort((a, b) => a.range[0] - b.range[0])
  reply.array(ranges.length)
  for (const { range, members } of ranges) {
    reply.array(2 + members.length)
    reply.integer(range[0])
    reply.integer(range[1])
    for (const server of members) sayNode(topology, server, reply)
  }
}

function shards(session: Session, _: Args, reply: ReplyWriter): void {
  const { topology, store } = session.door
  const { routes } = topology
  reply.array(routes.length)
  for (const { config, chain } of routes) {
    const members = topology.membersOf(config)
    reply.map(2)
    reply.text('slots')
    reply.array(2 * config.slots.length)
    for (const [first, last] of config.slots) {
      reply.integer(first)
      reply.integer(last)
    }
    reply.text('nodes')
    reply.array(members.length)
    for (const server of members) {
      const address = topology.addressOf(server)
      const fields: [string, string | number][] = [
        ['id', topology.idOf(server)],
        ['port', address?.port ?? 0],
        ['ip', address?.host ?? ''],
        ['endpoint', address?.host ?? ''],
        ['role', server === config.members[0]?.server ? 'master' : 'replica'],
        ['replication-offset', store.committed(chain)],
        ['health', 'online'],
      ]
      reply.map(fields.length)
      for (const [name, value] of fields) {
        reply.text(name)
        if (typeof value === 'number') reply.integer(value)
        else reply.text(value)
      }
    }
  }
}

const rangeText = ([first, last]: SlotRange) => (first === last ? `${first}` : `${first}-${last}`)

function nodeLine({ door: { topology, store } }: Session, node: ClusterNode): string {
  const { id, address, master, slots } = node
  const flags = [...(node.server === store.id ? ['myself'] : []), master === null ? 'master' : 'slave']
  return [
    id,
    `${address.host}:${address.port}@${Math.min(65_535, address.port + BUS_OFFSET)}`,
    flags.join(','),
    master === null ? '-' : topology.idOf(master),
    ...['0', '0', String(topology.epoch), 'connected'],
    ...slots.map(rangeText),
  ].join(' ')
}

function information({ door: { topology } }: Session): string {
  const { nodes, slotsAssigned, epoch } = topology
  const fields: Record<string, string | number> = {
    cluster_state: slotsAssigned === SLOT_COUNT ? 'ok' : 'fail',
    cluster_slots_assigned: slotsAssigned,
    cluster_slots_ok: slotsAssigned,
    cluster_slots_pfail: 0,
    cluster_slots_fail: 0,
    cluster_known_nodes: nodes.length,
    cluster_size: nodes.filter(({ slots }) => slots.length > 0).length,
    cluster_current_epoch: epoch,
    cluster_my_epoch: epoch,
    cluster_stats_messages_sent: 0,
    cluster_stats_messages_received: 0,
    total_cluster_links_buffer_limit_exceeded: 0,
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')
}

function replicasOf(session: Session, args: Args, reply: ReplyWriter): void {
  const { nodes } = session.door.topology
  const master = nodes.find(({ id }) => id === args.text(2))
  if (master === undefined) throw new ReplyError(`ERR Unknown node ${args.text(2)}`)
  if (master.master !== null) throw new ReplyError('ERR The specified node is not a master')
  const replicas = nodes.filter((node) => node.master === master.server)
  reply.array(replicas.length)
  for (const node of replicas) reply.unicode(nodeLine(session, node))
}

const byManager = {
  arity: -2,
  now: (): never => {
    throw new ReplyError('ERR members and slots are the configuration manager’s: see `catenary chain --help`')
  },
}

const CLUSTER: Subcommands = {
  slots: { arity: 2, now: slots },
  shards: { arity: 2, now: shards },
  nodes: {
    arity: 2,
    now: (session, _, reply) =>
      reply.verbatim(session.door.topology.nodes.map((node) => `${nodeLine(session, node)}\n`).join('')),
  },
  info: { arity: 2, now: (session, _, reply) => reply.verbatim(information(session)) },
  keyslot: { arity: 3, now: (_, args, reply) => reply.integer(slotOf(asKey(args.text(2)))) },
  myid: { arity: 2, now: ({ door }, _, reply) => reply.text(door.topology.idOf(door.store.id)) },
  replicas: { arity: 3, now: replicasOf },
  slaves: { arity: 3, now: replicasOf },
  links: { arity: 2, now: (_, __, reply) => reply.array(0) },
  'count-failure-reports': { arity: 3, now: (_, __, reply) => reply.integer(0) },
  ...Object.fromEntries(
    [
      ...[
        'meet',
        'forget',
        'addslots',
        'addslotsrange',
        'delslots',
        'delslotsrange',
        'flushslots',
        'setslot',
      ],
      ...['replicate', 'failover', 'reset', 'bumpepoch', 'set-config-epoch', 'saveconfig'],
    ].map((name) => [name, byManager]),
  ),
}

/** Those that look at keys take their time. */
async function inSlot(session: Session, args: Args): Promise<Answer> {
  const counts = args.lower(1) === 'countkeysinslot'
  const keys = await keysInSlot(session, args)
  return (reply) => (counts ? reply.integer(keys.length) : reply.texts(keys))
}

async function cluster(session: Session, args: Args): Promise<Answer> {
  const wanted = `${args.lower(1)} ${args.count}`
  if (wanted === 'countkeysinslot 3' || wanted === 'getkeysinslot 4') return inSlot(session, args)
  return (reply) => {
    const begun = reply.length
    try {
      byName('cluster', CLUSTER)(session, args, reply)
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error
      reply.rewind(begun)
      reply.error(error.message)
    }
  }
}

export const CLUSTER_COMMANDS: readonly Command[] = [
  {
    name: 'cluster',
    arity: -2,
    flags: ['admin', 'stale', 'loading'],
    group: 'cluster',
    summary: 'The cluster: heads are masters, the other members their replicas.',
    subcommands: [...Object.keys(CLUSTER), 'countkeysinslot', 'getkeysinslot'],
    task: cluster,
  },
]
