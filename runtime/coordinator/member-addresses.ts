/** How a configuration of the log names its members: Raft's id, and an address in ZooKeeper's words. */
import { asMemberId } from '../../coordinator/raft/ids.ts'
import type { MemberRow } from '../../coordinator/raft/membership.ts'
import { type EnsembleRow, rowOf, textOfRow } from '../../coordinator/znodes/ensemble-rows.ts'
import type { Address } from '../../protocol/transport.ts'
import { type EnsembleMember, memberNumberOf } from './options.ts'

/** What an ensemble is founded with. Where everything runs in one process there are names and no addresses. */
export function foundingRow(member: Pick<EnsembleMember, 'id'> & Partial<EnsembleMember>): MemberRow {
  const { id, host = id, peerPort = 1, clientPort = 1 } = member
  const ensembleRow: EnsembleRow = {
    number: memberNumberOf(id),
    host: inUrl(host),
    peerPort: peerPort || 1,
    electionPort: peerPort || 1,
    role: 'participant',
    clientHost: inUrl(host),
    clientPort: clientPort || 1,
  }
  return { id: asMemberId(id), voter: true, address: addressText(ensembleRow) }
}

const inUrl = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host)
const plain = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')

/** Without the number, which is in the id, nor the role, which is in the vote. */
const addressText = (row: EnsembleRow): string =>
  textOfRow({ ...row, role: 'participant' }).replace(/^[^=]*=/, '')

/** Ids end in the number: new members are called like those that are there. */
export function memberRowOf(row: EnsembleRow, like: readonly MemberRow[]): MemberRow {
  const known = like.find(({ id }) => memberNumberOf(id) === row.number)
  const name = (like[0]?.id ?? 'coordinator-1').replace(/\d+$/, '')
  return {
    id: known?.id ?? asMemberId(`${name}${row.number}`),
    voter: row.role === 'participant',
    address: addressText(row),
  }
}

/** With the role that each really has. */
export function ensembleRowsOf(members: readonly MemberRow[]): EnsembleRow[] {
  return members.flatMap(({ id, voter, address }) => {
    const row = rowOf(`server.${memberNumberOf(id)}=${address}`)
    return row === null ? [] : [{ ...row, role: voter ? 'participant' : 'observer' } as const]
  })
}

/** Where its peers and its clients find a member; null where its address says nothing. */
export function addressesOf({
  id,
  address,
}: MemberRow): { readonly peer: Address; readonly client: Address } | null {
  const row = rowOf(`server.${memberNumberOf(id)}=${address}`)
  if (row === null) return null
  return {
    peer: { host: plain(row.host), port: row.peerPort },
    client: { host: plain(row.clientHost), port: row.clientPort },
  }
}
