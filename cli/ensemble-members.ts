/** The members of the coordinator ensemble, as commands name them and show them. */
import type { CoordinatorClient } from '../client/coordinator/client.ts'
import {
  configOf,
  type EnsembleConfig,
  type EnsembleRow,
  textOfRow,
} from '../coordinator/znodes/ensemble-rows.ts'
import type { EnsembleMember } from '../runtime/coordinator/options.ts'
import { UsageError } from './arguments.ts'
import { ensembleOptions } from './ensemble.ts'
import { parseAddress, splitList } from './options.ts'
import { table } from './output.ts'
import { znodeOptions } from './znodes.ts'

const CONFIG = '/zookeeper/config'

export const memberOptions = {
  ...znodeOptions,
  timeout: { ...ensembleOptions.timeout, default: '60s' },
} as const

/** `id=host:peerPort:clientPort`, comma-separated. */
export function parseMembers(text: string, what: string): EnsembleMember[] {
  return splitList(text).map((part) => {
    const match = /^([A-Za-z0-9_-]+)=(.+):(\d{1,5}):(\d{1,5})$/.exec(part)
    const [, id, host, peer, client] = match ?? []
    if (id === undefined || host === undefined) {
      throw new UsageError(
        `${what}: "${part}" is not id=host:peerPort:clientPort, for example coordinator-1=127.0.0.1:2881:2181`,
      )
    }
    return {
      id,
      host,
      peerPort: parseAddress(`${host}:${peer}`, what).port,
      clientPort: parseAddress(`${host}:${client}`, what).port,
    }
  })
}

/** `coordinator-4`, or 4. */
export function numberOf(text: string): number {
  const number = Number(/^(?:[A-Za-z0-9_-]+-)?(\d{1,3})$/.exec(text)?.[1] ?? 0)
  if (number >= 1 && number <= 127) return number
  throw new UsageError(
    `"${text}" names no coordinator: give its id, as in coordinator-4, or its number alone`,
  )
}

/** A member that is to come, in ZooKeeper's words. */
export function joiningText(text: string, role: EnsembleRow['role']): string {
  const [member, ...others] = parseMembers(text, 'member')
  if (member === undefined || others.length > 0) throw new UsageError('one member at a time')
  return textOfRow({
    number: numberOf(member.id),
    host: member.host,
    peerPort: member.peerPort,
    electionPort: member.peerPort,
    role,
    clientHost: member.host,
    clientPort: member.clientPort,
  })
}

export async function readConfig(client: CoordinatorClient): Promise<EnsembleConfig> {
  await client.sync(CONFIG)
  const { data } = await client.getData(CONFIG)
  const config = configOf(new TextDecoder().decode(data))
  if (config === null)
    throw new Error(
      `${CONFIG} names no members: the ensemble has just begun, or runs alone and is Apache ZooKeeper`,
    )
  return config
}

export const configJson = ({ rows, version }: EnsembleConfig) => ({
  version: version.toString(16),
  members: rows.map(({ number, host, peerPort, role, clientHost, clientPort }) => ({
    number,
    role,
    peer: `${host}:${peerPort}`,
    client: `${clientHost}:${clientPort}`,
  })),
})

export const configText = (config: EnsembleConfig): string =>
  table(
    ['member', 'role', 'peers', 'clients'],
    configJson(config).members.map(({ number, role, peer, client }) => [
      String(number),
      role === 'observer' ? 'learner, no vote' : 'votes',
      peer,
      client,
    ]),
  )
