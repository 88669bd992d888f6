/** Makes one picture of what every server says of itself. */
import type { ReplicaStatus } from '../chain/configuration.ts'
import type { ServerStatus } from '../client/index.ts'
import { table } from './output.ts'

/** What this page reads of a server's status; the whole is in --json. */
interface ServerReport {
  readonly replicas?: readonly ReplicaStatus[]
  readonly leaseMs?: number
  readonly storage?: string
}

export interface ReplicaRow {
  readonly server: string
  readonly replica: ReplicaStatus
}

/** One chain as its members tell it, of the newest epoch that any of them has heard of. */
export interface ChainPicture {
  readonly chain: string
  readonly epoch: number
  readonly members: ReplicaStatus['members']
  readonly joining: ReplicaStatus['joining']
  /** In chain order; then the joiner; then whoever has a replica and is no member. */
  readonly rows: readonly ReplicaRow[]
  /** Newest entry that any replica holds. */
  readonly last: number
}

const reportOf = ({ status }: ServerStatus): ServerReport => (status ?? {}) as ServerReport

export function chainsOf(servers: readonly ServerStatus[]): ChainPicture[] {
  const rows = servers.flatMap((server) =>
    (reportOf(server).replicas ?? []).map((replica) => ({ server: server.server, replica })),
  )
  const names = [...new Set(rows.map(({ replica }) => replica.chain))].sort(byNumber)
  return names.map((chain) =>
    pictureOf(
      chain,
      rows.filter(({ replica }) => replica.chain === chain),
    ),
  )
}

function pictureOf(chain: string, rows: readonly ReplicaRow[]): ChainPicture {
  const newest = rows.reduce<ReplicaStatus | null>(
    (best, { replica }) => (best === null || replica.epoch > best.epoch ? replica : best),
    null,
  )
  const members = newest?.members ?? []
  const joining = newest?.joining ?? null
  const order = [
    ...members.map(({ server }) => server),
    ...(joining === null ? [] : [joining.server]),
  ] as string[]
  const placeOf = ({ server }: ReplicaRow) => (order.includes(server) ? order.indexOf(server) : order.length)
  return {
    chain,
    epoch: newest?.epoch ?? 0,
    members,
    joining,
    rows: [...rows].sort((a, b) => placeOf(a) - placeOf(b) || (a.server < b.server ? -1 : 1)),
    last: Math.max(
      0,
      ...rows.filter(({ server }) => order.includes(server)).map(({ replica }) => replica.last),
    ),
  }
}

/** c2 before c10. */
export const byNumber = (a: string, b: string): number =>
  Number(/\d+$/.exec(a)?.[0] ?? 0) - Number(/\d+$/.exec(b)?.[0] ?? 0) || (a < b ? -1 : a > b ? 1 : 0)

interface Marked {
  readonly server: string
  readonly serving: boolean
  readonly leaving: boolean
}

/** `n1 -> n2 (not serving) -> n3 (leaving)  <- n4 joining` */
export function membersText(members: readonly Marked[], joining: { readonly server: string } | null): string {
  const names = members.map(({ server, serving, leaving }) => {
    const marks = [...(serving ? [] : ['not serving']), ...(leaving ? ['leaving'] : [])]
    return marks.length === 0 ? server : `${server} (${marks.join(', ')})`
  })
  const chain = names.length === 0 ? '(no members)' : names.join(' -> ')
  return joining === null ? chain : `${chain}  <- ${joining.server} joining`
}

export const chainLine = ({ chain, epoch, members, joining }: ChainPicture): string =>
  `${chain}, epoch ${epoch}: ${membersText(members, joining)}`

const HEAD = ['chain', 'server', 'role', 'epoch', 'commit', 'dirty', 'lag', 'keys', 'lease', 'remarks']

export function replicaTable(chains: readonly ChainPicture[], servers: readonly ServerStatus[]): string {
  const rows = chains.flatMap((picture) => [
    ...picture.rows.map((row) => replicaRow(picture, row, servers)),
    ...silentMembers(picture).map((server) => silentRow(picture.chain, server, servers)),
  ])
  const shown = new Set(rows.map((row) => row[1]))
  const others = servers.filter(({ server }) => !shown.has(server))
  const idle = others.map(({ server, error }) =>
    blankRow('', server, error === null ? 'in no chain' : 'does not answer'),
  )
  return table(HEAD, [...rows, ...idle])
}

type Row = readonly (string | number)[]

const blankRow = (chain: string, server: string, remark: string): Row => [
  chain,
  server,
  '',
  '',
  '',
  '',
  '',
  '',
  '',
  remark,
]

/** Members that have told nothing about this chain. */
const silentMembers = ({ members, rows }: ChainPicture): string[] =>
  members.map(({ server }) => server as string).filter((server) => !rows.some((row) => row.server === server))

function silentRow(chain: string, server: string, servers: readonly ServerStatus[]): Row {
  const answered = servers.some((other) => other.server === server && other.error === null)
  return blankRow(chain, server, answered ? 'has no replica of it yet' : 'does not answer')
}

function replicaRow(
  picture: ChainPicture,
  { server, replica }: ReplicaRow,
  servers: readonly ServerStatus[],
): Row {
  const { role, epoch, commit, dirty, last, keys, leaseMs } = replica
  const lag = Math.max(0, picture.last - last)
  const storage = servers
    .map((other) => (other.server === server ? reportOf(other).storage : undefined))
    .find(Boolean)
  const remarks = remarksOf(picture, server, replica)
  if (storage !== undefined && storage !== 'ok') remarks.push(`storage: ${storage}`)
  return [
    picture.chain,
    server,
    role,
    epoch,
    commit,
    dirty,
    lag,
    keys,
    leaseText(leaseMs),
    remarks.join(', '),
  ]
}

function remarksOf(picture: ChainPicture, server: string, replica: ReplicaStatus): string[] {
  const member = picture.members.find((other) => other.server === server)
  const isJoining = picture.joining?.server === server
  return [
    ...(member === undefined && !isJoining ? ['not a member'] : []),
    ...(isJoining ? ['joining'] : []),
    ...(member !== undefined && !replica.serving ? ['not serving'] : []),
    ...(member?.leaving || replica.leaving ? ['leaving'] : []),
    ...(replica.epoch < picture.epoch ? ['has not heard of the newest epoch'] : []),
    ...(replica.receivingSnapshot ? ['receives a snapshot'] : []),
    ...(replica.suspects === null ? [] : [`suspects ${replica.suspects}`]),
  ]
}

const leaseText = (ms: number) => (ms > 0 ? `${(ms / 1000).toFixed(1)} s` : 'none')

/** A server that did not answer, and why. */
export const serverLine = ({ server, error }: ServerStatus): string =>
  `${server} does not answer: ${error?.message ?? 'unknown'}`

export function statusJson(chains: readonly ChainPicture[], servers: readonly ServerStatus[]): object {
  return {
    chains: chains.map(({ chain, epoch, members, joining, last, rows }) => ({
      chain,
      epoch,
      members,
      joining,
      replicas: rows.map(({ server, replica }) => ({
        server,
        lag: Math.max(0, last - replica.last),
        ...replica,
      })),
    })),
    servers: servers.map(({ server, status, error }) => ({
      server,
      answers: error === null,
      error: error?.message ?? null,
      status,
    })),
  }
}
