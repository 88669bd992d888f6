/** Copies every chain, one after another, each at one seq, from a member that serves it. */

import type { IncomingMessage } from 'node:http'
import { httpFailureText, httpGet } from '../../client/transport/http-get.ts'
import type { TlsOptions } from '../../client/transport/tls-options.ts'
import { servingMembers } from '../../protocol/chain-config.ts'
import {
  BackupDamagedError,
  type BackupEnd,
  type ChainEnd,
  type ChainHead,
  decodeItems,
  jsonOf,
  readBlocks,
} from '../../runtime/backup/format.ts'
import type { ClusterTree } from '../cluster-tree.ts'
import { BackupWriter } from './backup-file.ts'

/** A server that says nothing for so long is given up. */
const SILENT_MS = 30_000
const TRIES = 5
/** Before the second try; each later one waits twice as long. */
const PAUSE_MS = 100

export interface TakeOptions {
  /** What data servers are shown (the header `authorization`), where they ask for it. */
  readonly authorization?: string | null
  /** How they are spoken to. Default: null, in plain. */
  readonly tls?: TlsOptions | null
  readonly told?: Told
}

export interface Told {
  onBegun?(keys: number): void
  onItems?(count: number): void
  /** A server could not go on; its chain begins anew. */
  onTrouble?(text: string): void
}

export interface TakenBackup {
  readonly path: string
  readonly bytes: number
  readonly chains: readonly ChainHead[]
  readonly end: BackupEnd
}

/**
 * @param look - the cluster as the coordinators have it now; asked again before each try.
 * @throws where a chain could not be copied; then no file is left.
 */
export async function takeBackup(
  path: string,
  look: () => Promise<ClusterTree>,
  { authorization = null, tls = null, told = {} }: TakeOptions = {},
): Promise<TakenBackup> {
  const tree = await look()
  const chains = tree.chains.map(({ chain }) => chain)
  if (chains.length === 0) throw new Error('the cluster has no chains yet: there is nothing to back up')
  const { clusterId } = tree.options
  const begunAt = new Date().toISOString()
  const writer = await BackupWriter.create(path, { format: 1, clusterId, begunAt, chains })
  try {
    const heads: ChainHead[] = []
    for (const chain of chains)
      heads.push(await copyChain(writer, { chain, clusterId, look, authorization, tls, told }))
    const end = await writer.finish()
    return { path, bytes: writer.bytes, chains: heads, end }
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

interface Copy {
  readonly chain: string
  readonly clusterId: string
  readonly look: () => Promise<ClusterTree>
  readonly authorization: string | null
  readonly tls: TlsOptions | null
  readonly told: Told
}

async function copyChain(writer: BackupWriter, copy: Copy): Promise<ChainHead> {
  const { chain, look, told } = copy
  writer.beginChain()
  let problem = 'no member of it serves'
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (tries - 1)))
    for (const server of sourcesOf(await look(), chain)) {
      try {
        return await copyFrom(writer, server, copy)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error
        problem = `${server.name}: ${(error as Error).message.trim()}`
        told.onTrouble?.(`${chain} from ${problem}`)
        writer.rewind()
      }
    }
  }
  throw new Error(`${chain} could not be copied. The last try, ${problem}`)
}

interface Source {
  readonly name: string
  readonly host: string
  readonly httpPort: number
}

/** Its tail first, which writes reach last and nobody waits behind. */
function sourcesOf({ chains, servers }: ClusterTree, chain: string): Source[] {
  const config = chains.find((found) => found.chain === chain)?.config ?? null
  const members = config === null ? [] : servingMembers(config).toReversed()
  return members.flatMap(({ server }): Source[] => {
    const registration = servers.get(server)
    if (registration === undefined || registration.httpPort === 0) return []
    return [{ name: server, host: registration.host, httpPort: registration.httpPort }]
  })
}

async function copyFrom(writer: BackupWriter, source: Source, copy: Copy): Promise<ChainHead> {
  const { chain, clusterId, told } = copy
  const response = await ask(source, copy)
  let head: ChainHead | null = null
  let items = 0
  for await (const block of readBlocks(response)) {
    if (block.type === 'chain') {
      head = jsonOf<ChainHead>(block)
      if (head.chain !== chain || head.clusterId !== clusterId)
        throw new BackupDamagedError(`it sent ${head.chain} of the cluster ${head.clusterId}`)
      told.onBegun?.(head.keys)
    }
    if (block.type === 'items') {
      let count = 0
      for (const _ of decodeItems(block.payload)) count++
      items += count
      told.onItems?.(count)
    }
    await writer.write(block.bytes)
    if (block.type !== 'chain-end') continue
    const end = jsonOf<ChainEnd>(block)
    if (head === null || end.items !== items || head.keys !== items)
      throw new BackupDamagedError(`${items} items came, of ${end.items}`)
    writer.addItems(items)
    return head
  }
  throw new BackupDamagedError('the connection broke')
}

/** @throws where it refuses: with what it says. */
async function ask(
  { host, httpPort: port }: Source,
  { chain, authorization, tls }: Pick<Copy, 'chain' | 'authorization' | 'tls'>,
): Promise<IncomingMessage> {
  const path = `/backup?chain=${encodeURIComponent(chain)}`
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpGet({ host, port, path, authorization, tls }, resolve)
    request.setTimeout(SILENT_MS, () => request.destroy(new Error(`nothing came for ${SILENT_MS} ms`)))
    request.on('error', (error) => reject(new Error(httpFailureText(error, tls), { cause: error })))
  })
  if (response.statusCode === 200) return response
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  throw new Error(text)
}
