/** When a chain has nothing left to do. */
import type { ChainConfig, Member } from '../../../protocol/chain-config.ts'
import type { ServerId } from '../../../protocol/ids.ts'
import { READ_REQUESTS_FROM, type Record } from './judge.ts'
import type { ServerSummary } from './server.ts'

type Servers = ReadonlyMap<ServerId, ServerSummary>

/** What keeps the chain from being whole, and everybody from being answered; null: nothing. */
export function unfinished(config: ChainConfig, record: Record, servers: Servers): string | null {
  const lives = (member: Member) => {
    const server = servers.get(member.server)
    return server?.up === true && server.incarnation === member.incarnation
  }
  // The chain is down; only a restart can help.
  if (!config.members.some((member) => member.serving && lives(member))) return null
  if (config.joining !== null) return `${config.joining.server} joins`
  for (const member of config.members) {
    const server = servers.get(member.server)
    if (server === undefined || !member.serving || !server.serving || server.epoch !== config.epoch)
      return `${member.server} does not serve`
    const last = server.base + server.entries.length
    if (server.commit !== last || last !== record.order.length)
      return `${member.server} is at ${server.commit} of ${last}, committed are ${record.order.length}`
    if (server.waiting.length > 0) return `requests ${server.waiting} wait at ${member.server}`
  }
  return forgotten(record, servers)
}

/** Requests that wait nowhere and were not answered. */
function forgotten({ writes, reads }: Record, servers: Servers): string | null {
  const waiting = [...servers.values()].flatMap((server) => server.waiting)
  const write = writes.findIndex((one, i) => one === 'sent' && !waiting.includes(i + 1))
  const read = reads.findIndex((least, i) => least >= 0 && !waiting.includes(READ_REQUESTS_FROM + i))
  if (write >= 0) return `write ${write + 1} was never answered`
  return read >= 0 ? `read ${read + 1} was never answered` : null
}
