/** Makes sense of what a process says of itself. It may be another program that has the port now: nothing is believed. */
import type { LiveChain, LiveCoordinator, LiveReplica, LiveServer } from './snapshot.ts'

type Fields = Readonly<Record<string, unknown>>

/** Replicas of a server besides their chain's configuration as each knows it. */
export interface ServerAnswer {
  readonly type: 'server'
  readonly server: Omit<LiveServer, 'rates'>
  readonly chains: readonly LiveChain[]
}

export interface CoordinatorAnswer {
  readonly type: 'coordinator'
  readonly coordinator: LiveCoordinator
}

/** @returns null where it is the status of neither a data server nor a coordinator. */
export function readStatus(status: unknown, address: string): ServerAnswer | CoordinatorAnswer | null {
  const fields = fieldsOf(status)
  if (typeof fields['server'] === 'string' && Array.isArray(fields['replicas']))
    return readServer(fields, fields['replicas'], address)
  if (typeof fields['member'] === 'string') return readCoordinator(fields, address)
  return null
}

function readServer(fields: Fields, replicas: readonly unknown[], address: string): ServerAnswer {
  return {
    type: 'server',
    server: {
      name: textOf(fields['server']),
      address,
      answers: true,
      error: null,
      incarnation: numberOf(fields['incarnation']),
      leaseMs: numberOf(fields['leaseMs']),
      storage: textOf(fields['storage']),
      pendingRequests: numberOf(fields['pendingRequests']),
      residentBytes: numberOf(fields['residentBytes']),
      replicas: replicas.map((replica) => readReplica(fieldsOf(replica))),
    },
    chains: replicas.map((replica) => readChain(fieldsOf(replica))),
  }
}

const readReplica = (fields: Fields): LiveReplica => ({
  chain: textOf(fields['chain']),
  role: textOf(fields['role']),
  epoch: numberOf(fields['epoch']),
  serving: fields['serving'] === true,
  leaving: fields['leaving'] === true,
  last: numberOf(fields['last']),
  durable: numberOf(fields['durable']),
  commit: numberOf(fields['commit']),
  dirty: numberOf(fields['dirty']),
  keys: numberOf(fields['keys']),
  receivingSnapshot: fields['receivingSnapshot'] === true,
  waitingReads: numberOf(fields['waitingReads']),
  versionQueries: numberOf(fieldsOf(fields['counters'])['versionQueries']),
  successor: readSuccessor(fieldsOf(fields['successor'])),
})

const readSuccessor = ({ server, lag, hopMs }: Fields): LiveReplica['successor'] =>
  server === undefined ? null : { server: textOf(server), lag: numberOf(lag), hopMs: numberOf(hopMs) }

function readChain(fields: Fields): LiveChain {
  const members = Array.isArray(fields['members']) ? fields['members'].map(fieldsOf) : []
  const joining = fieldsOf(fields['joining'])['server']
  return {
    chain: textOf(fields['chain']),
    epoch: numberOf(fields['epoch']),
    members: members.map((member) => ({
      server: textOf(member['server']),
      serving: member['serving'] === true,
      leaving: member['leaving'] === true,
    })),
    joining: joining === undefined ? null : textOf(joining),
  }
}

function readCoordinator(fields: Fields, address: string): CoordinatorAnswer {
  const manager = fields['manager'] === null ? null : fieldsOf(fields['manager'])
  return {
    type: 'coordinator',
    coordinator: {
      name: textOf(fields['member']),
      address,
      answers: true,
      error: null,
      role: textOf(fields['role']),
      term: numberOf(fields['term']),
      leader: textOrNull(fields['leader']),
      votedFor: textOrNull(fields['votedFor']),
      recentTerms: readTerms(fields['recentTerms']),
      commit: numberOf(fields['commit']),
      applied: numberOf(fields['applied']),
      lastIndex: numberOf(fields['lastIndex']),
      sessions: numberOf(fields['sessions']),
      znodes: numberOf(fields['znodes']),
      watches: numberOf(fields['watches']),
      manager:
        manager === null
          ? null
          : {
              leads: manager['leads'] === true,
              lastChange: textOrNull(manager['lastChange']),
            },
    },
  }
}

const readTerms = (terms: unknown): LiveCoordinator['recentTerms'] =>
  (Array.isArray(terms) ? terms.slice(-TERMS_MAX).map(fieldsOf) : []).map(({ index, term }) => ({
    index: numberOf(index),
    term: numberOf(term),
  }))

const TERMS_MAX = 20
const TEXT_MAX = 300

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {}
const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? textOf(value) : null)
const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, TEXT_MAX) : '?')
