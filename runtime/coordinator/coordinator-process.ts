/** Everything that a coordinator process consists of: the member itself, a manager that may be elected, and the http door. */
import type { Logger } from 'pino'
import { checkTransport } from '../../client/transport/open.ts'
import type { ClusterOptions } from '../../protocol/cluster.ts'
import { checkNodeName } from '../../protocol/transport.ts'
import { openHttpDoor } from '../doors/http.ts'
import type { Manager } from '../manager/manager-loop.ts'
import { startManager } from '../manager/start-manager.ts'
import { nodeControlPorts } from '../node-control-ports.ts'
import { followUsers, guardOf } from '../security/guard.ts'
import { linkProof, noteBroker } from '../security/link-proof.ts'
import type { ClusterSecret } from '../security/secret.ts'
import { NodeTls, type TlsFiles } from '../security/tls.ts'
import { openDataDirectory } from '../storage/data-directory.ts'
import { membersOf } from './ask-members.ts'
import { startCoordinator } from './coordinator.ts'
import { type DoorSettings, type EnsembleMember, ownMember } from './options.ts'

export interface CoordinatorProcessOptions {
  readonly id: string
  readonly members: readonly EnsembleMember[]
  readonly dataPath: string
  readonly httpHost: string
  readonly httpPort: number
  readonly clusterName: string
  readonly transport: string
  readonly limits?: DoorSettings
  /** Client addresses of the ensemble that this member joins; null: it founds one, or belongs to it already. */
  readonly join?: readonly string[] | null
  /** Null: no manager in this process. */
  readonly manager: Omit<ClusterOptions, 'clusterId'> | null
  /** Of the cluster; null: it has none, and nobody is asked who he is. Default: null. */
  readonly secret?: ClusterSecret | null
  /** The secret before: what the tree is closed by until this process's manager has given it to the new one. Default: null. */
  readonly formerSecret?: ClusterSecret | null
  /** Null: every door and link is in plain. Default: null. */
  readonly tls?: TlsFiles | null
  readonly logger: Logger
}

/** @throws where the directory is another's, a port is taken or the log is corrupt. */
export async function startCoordinatorProcess(
  options: CoordinatorProcessOptions,
): Promise<{ stop(): Promise<void> }> {
  const { id, logger, join = null, secret = null } = options
  checkNodeName('node', id)
  checkNodeName('cluster', options.clusterName)
  checkTransport(options.transport)
  ownMember(options) // before a directory is made for a member that is none
  const data = openDataDirectory({ path: options.dataPath, kind: 'coordinator', id })
  if (secret !== null) noteBroker(options.transport, logger)
  let failure: Error | null = null
  const tls = NodeTls.of(options.tls ?? null, logger)
  const guard = guardOf({ secret, former: options.formerSecret ?? null, tls, log: logger })
  const members = await knownMembers(options, data, join, tls)
  const member = await startCoordinator({
    id,
    members,
    clusterName: options.clusterName,
    data,
    transport: options.transport,
    joins: join !== null,
    // Users have no business there.
    ...(secret !== null && { proof: linkProof(secret, null) }),
    tls,
    ...options.limits,
    logger,
    onFailure: (error) => {
      failure = error
      logger.error({ err: error }, 'this coordinator has stopped taking part')
    },
  })
  // Its own member first: a manager should see what this process sees, and survive with it.
  const addresses = [...members.map(({ host, clientPort }) => `${host}:${clientPort}`), ...(join ?? [])]
  const access = { ...guard.tree, ...(tls && { tls: tls.dial }) }
  const manager: Manager | null =
    options.manager === null
      ? null
      : startManager({ coordinator: addresses, name: id, options: options.manager, access, logger })
  const session = followUsers(guard, addresses, nodeControlPorts(logger, access))
  const unready = () => (member.status().leader === null ? 'no leader of the coordinators is known' : null)
  const http = await openHttpDoor({
    host: options.httpHost,
    port: options.httpPort,
    logins: guard.logins,
    certificates: guard.certificates,
    tls,
    status: () => ({ ...member.status(), manager: manager?.status() ?? null }),
    unhealthy: () => failure?.message ?? null,
    unready,
    metrics: async () => {
      const { coordinatorMetrics } = await import('../metrics/coordinator-metrics.ts')
      return coordinatorMetrics(() => ({
        status: member.status(),
        operationTimes: member.operationTimes,
        syncTimes: member.syncTimes,
        unready: failure?.message ?? unready(),
        manager: manager?.status() ?? null,
      }))
    },
  })
  logger.info(
    { id, client: member.clientAddress, peer: member.peerAddress, http: http.port },
    'coordinator is up',
  )
  return {
    stop: async () => {
      await manager?.stop()
      await session?.close()
      await member.stop()
      await http.close()
      tls?.close()
      data.close()
      logger.info('coordinator has stopped')
    },
  }
}

/**
 * Who joins asks the ensemble where its members are, once: afterwards its own log tells.
 *
 * @throws none of them has answered in time.
 */
async function knownMembers(
  { id, members }: CoordinatorProcessOptions,
  data: { readonly clusterId: string | null },
  join: readonly string[] | null,
  tls: NodeTls | null,
): Promise<readonly EnsembleMember[]> {
  if (join === null || data.clusterId !== null) return members
  const others = await membersOf(join, tls?.dial ?? null)
  return [...members, ...others.filter((member) => member.id !== id)]
}
