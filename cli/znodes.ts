/** Znodes as commands show them. */
import type { CoordinatorClient, Znode } from '../client/coordinator/client.ts'
import type { Stat } from '../protocol/zookeeper/records.ts'
import { UsageError } from './arguments.ts'
import { jsonBytes } from './bytes.ts'
import { ensembleOptions } from './ensemble.ts'
import { jsonOption } from './store.ts'

export const znodeOptions = {
  auth: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Who this is, for access lists: scheme:credentials, such as digest:ann:secret',
  },
  ...jsonOption,
  ...ensembleOptions,
} as const

export const pathPositional = {
  path: { type: 'string', demandOption: true, describe: 'Path of the znode, such as /catenary/chains/c0' },
} as const

export const localOption = {
  local: {
    type: 'boolean',
    default: false,
    describe: 'Show what one coordinator has, perhaps old, without asking whether it has everything',
  },
} as const

/** Brings the coordinator that answers up to date first: an operator must not be shown what is over. */
export const freshen = async (client: CoordinatorClient, local: boolean, path: string): Promise<void> => {
  if (!local) await client.sync(path)
}

/** `/a/b/` is `/a/b`. */
export function toPath(text: string): string {
  const path = text.replace(/\/+$/, '')
  if (text.startsWith('/') && !path.includes('//')) return path === '' ? '/' : path
  throw new UsageError(
    `path ${JSON.stringify(text)}: begin with /, and name every part, as in /catenary/chains`,
  )
}

export const childPath = (parent: string, name: string) => (parent === '/' ? `/${name}` : `${parent}/${name}`)

const sessionOf = ({ ephemeralOwner }: Stat) =>
  ephemeralOwner === 0n ? null : `0x${BigInt.asUintN(64, ephemeralOwner).toString(16)}`

/** In our words; `dataVersion` is what `--version` of the other commands means. */
export const statJson = (stat: Stat) => ({
  dataVersion: stat.version,
  childrenVersion: stat.cversion,
  aclVersion: stat.aversion,
  createdZxid: stat.czxid,
  modifiedZxid: stat.mzxid,
  childrenZxid: stat.pzxid,
  created: new Date(stat.ctime).toISOString(),
  modified: new Date(stat.mtime).toISOString(),
  ephemeralOwner: sessionOf(stat),
  dataBytes: stat.dataLength,
  children: stat.numChildren,
})

export const statText = (stat: Stat): string =>
  Object.entries(statJson(stat))
    .map(([name, value]) => `${name.padEnd(15)} ${value ?? 'none'}`)
    .join('\n')

export const znodeJson = (path: string, { data, stat }: Znode) => ({
  path,
  ...jsonBytes('data', data),
  stat: statJson(stat),
})
